import { Duration } from 'cdk8s';
import type { Alert, RecordingRule } from '../../contracts/index.ts';

const requests = 'model_version_code:plinth_gateway_requests:rate5m';
const latency = 'model_version:plinth_gateway_request_seconds:p99_5m';

/** How much a counter grew in half an hour, over all replicas. */
const grown = (series: string, ...labels: readonly string[]): string =>
  `sum by (${['job', 'namespace', 'team', 'model', ...labels].join(', ')}) (increase(${series}[30m]))`;

/** What callers saw, over all replicas: by model, the version that answered, and status. */
export const recordings: readonly RecordingRule[] = [
  {
    record: requests,
    expr: 'sum by (job, namespace, model, version, code) (rate(plinth_gateway_requests_total[5m]))',
  },
  {
    record: latency,
    expr: [
      'histogram_quantile(0.99,',
      '  sum by (job, namespace, model, version, le) (rate(plinth_gateway_request_seconds_bucket[5m])))',
    ].join('\n'),
  },
];

export const alerts: readonly Alert[] = [
  {
    name: 'ModelErrors',
    expr: [
      `sum by (job, namespace, model) (${requests}{model!="",code=~"5.."})`,
      `  / sum by (job, namespace, model) (${requests}{model!=""}) > 0.05`,
    ].join('\n'),
    for: Duration.minutes(5),
    severity: 'critical',
    summary: 'Model {{ $labels.model }} fails {{ $value | humanizePercentage }} of its requests',
  },
  {
    name: 'ModelSlow',
    expr: `max by (job, namespace, model) (${latency}{model!=""}) > 2`,
    for: Duration.minutes(15),
    severity: 'warning',
    summary:
      'One in a hundred answers of model {{ $labels.model }} takes {{ $value | humanizeDuration }} or more',
  },
  {
    name: 'InferenceRoutesRefused',
    expr: 'max by (job, namespace) (plinth_gateway_config_refused) > 0',
    for: Duration.minutes(5),
    severity: 'critical',
    summary: 'The inference gateway refuses its routes, so changes of models and weights do not take effect',
  },
  {
    name: 'TeamRoutesRefused',
    expr: 'max by (job, namespace, team) (plinth_gateway_team_routes_refused) > 0',
    for: Duration.minutes(5),
    severity: 'warning',
    summary: '{{ $value }} of the routes that team {{ $labels.team }} wrote are not in force',
  },
  {
    name: 'InferenceRoutesNotWatched',
    expr: 'min by (job, namespace) (plinth_gateway_config_watched) < 1',
    for: Duration.minutes(10),
    severity: 'warning',
    summary: 'The inference gateway is not told of changes of its routes; it goes on with those it has',
  },
  {
    name: 'ModelOutliers',
    // A handful of rows is no share.
    expr: [
      `${grown('plinth_gateway_outlier_rows_total', 'version')}`,
      `  / ${grown('plinth_gateway_outlier_checked_rows_total', 'version')} > 0.2`,
      `and ${grown('plinth_gateway_outlier_checked_rows_total', 'version')} >= 50`,
    ].join('\n'),
    for: Duration.minutes(5),
    severity: 'warning',
    summary:
      '{{ $value | humanizePercentage }} of what model {{ $labels.model }}, version {{ $labels.version }}, is asked is unlike what its outlier model knows',
  },
  {
    name: 'OutliersNotChecked',
    expr: [
      `${grown('plinth_gateway_outlier_checks_total{result!="checked"}')}`,
      `  / ${grown('plinth_gateway_outlier_checks_total')} > 0.5`,
    ].join('\n'),
    for: Duration.minutes(10),
    severity: 'warning',
    summary:
      'The outlier model of {{ $labels.model }} says nothing of {{ $value | humanizePercentage }} of the requests that it is to be asked about',
  },
  {
    name: 'PredictionsNotLogged',
    expr: 'sum by (job, namespace) (increase(plinth_gateway_log_dropped_total[15m])) > 0',
    for: Duration.minutes(5),
    severity: 'warning',
    summary: 'The inference gateway drops prediction records: {{ $value | humanize }} in 15 minutes',
  },
  {
    name: 'InferenceKeysNotFetched',
    expr: [
      'sum by (job, namespace) (increase(plinth_gateway_key_fetches_total{result="failed"}[20m])) > 0',
      'unless sum by (job, namespace) (increase(plinth_gateway_key_fetches_total{result!="failed"}[20m])) > 0',
    ].join('\n'),
    for: Duration.minutes(5),
    severity: 'warning',
    summary: "The inference gateway can't fetch the issuer's keys; it goes on with those it has",
  },
];
