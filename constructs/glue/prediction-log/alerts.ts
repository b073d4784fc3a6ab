import { Duration } from 'cdk8s';
import type { Alert, RecordingRule } from '../../contracts/index.ts';

const hourly = 'team_model:plinth_prediction_records:rate1h';
const daily = 'team_model:plinth_prediction_records:rate1d';

/** How much models are asked, as far as it is logged: over an hour, and over a day for comparison. */
export const recordings: readonly RecordingRule[] = [
  {
    record: hourly,
    expr: 'sum by (job, namespace, team, model) (rate(plinth_prediction_records_total[1h]))',
  },
  {
    record: daily,
    expr: 'sum by (job, namespace, team, model) (rate(plinth_prediction_records_total[1d]))',
  },
];

/** Two pods have it while one takes over from the other. */
const limit = 'max by (job, namespace, check) (plinth_drift_threshold)';

export const alerts: readonly Alert[] = [
  {
    name: 'PredictionDrift',
    expr: [
      'max by (job, namespace, team, model, version, field) (',
      '  plinth_drift_score{check!~"accuracy|error"}',
      `    >= on (job, namespace, check) group_left () ${limit})`,
    ].join('\n'),
    for: Duration.minutes(1),
    severity: 'warning',
    summary:
      "Field {{ $labels.field }} of model {{ $labels.model }}, version {{ $labels.version }}, isn't as it was in training",
  },
  {
    name: 'PredictionQuality',
    expr: [
      'max by (job, namespace, team, model, version) (',
      '  plinth_drift_score{check=~"accuracy|error"}',
      `    >= on (job, namespace, check) group_left () ${limit})`,
    ].join('\n'),
    for: Duration.minutes(1),
    severity: 'warning',
    summary:
      'Model {{ $labels.model }}, version {{ $labels.version }}, is worse than in training: its labels say so',
  },
  {
    name: 'PredictionVolume',
    // Rarely asked models have hours of any size.
    expr: [
      `(${hourly} / ${daily} < 0.25 or ${hourly} / ${daily} > 4)`,
      `and ${daily} > 0.01`,
      'and on (job, namespace, team, model)',
      '  sum by (job, namespace, team, model) (plinth_prediction_records_total offset 1d) > 0',
    ].join('\n'),
    for: Duration.minutes(30),
    severity: 'warning',
    summary:
      'Model {{ $labels.model }} was asked {{ $value | humanize }} times as often as in the day before',
  },
  {
    name: 'PredictionsNotWritten',
    expr: 'max by (job, namespace, team) (plinth_prediction_backlog_seconds) > 900',
    for: Duration.minutes(5),
    severity: 'warning',
    summary:
      "Predictions wait for {{ $value | humanizeDuration }} to be written to team {{ $labels.team }}'s bucket",
  },
  {
    name: 'PredictionsRefused',
    // What is refused for now is tried again, and counted by the gateway if it is lost.
    expr: [
      'sum by (job, namespace, reason) (',
      '  increase(plinth_prediction_refused_total{reason=~"malformed|team|backlog"}[15m])) > 0',
    ].join('\n'),
    for: Duration.minutes(5),
    severity: 'warning',
    summary:
      'The prediction log refused {{ $value | humanize }} records in 15 minutes, for their {{ $labels.reason }}',
  },
];
