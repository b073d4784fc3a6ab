import { Duration } from 'cdk8s';
import type { Alert } from '../../contracts/index.ts';

export const alerts: readonly Alert[] = [
  {
    name: 'PromoterBehind',
    expr: 'time() - plinth_promoter_last_success_timestamp_seconds > 600',
    for: Duration.minutes(5),
    severity: 'warning',
    summary:
      'For {{ $value | humanizeDuration }} the promoter has not looked at the whole registry, and at every model, without a failure',
  },
  {
    name: 'ModelRolledBack',
    expr: [
      'sum by (job, namespace, model) (',
      '  increase(plinth_promoter_rollouts_total{outcome="rolledBack"}[15m])) > 0',
    ].join('\n'),
    for: Duration.minutes(0),
    severity: 'warning',
    summary:
      'A version of model {{ $labels.model }} was not brought into service; what served before, if anything, still does',
  },
  {
    name: 'RetrainingHindered',
    expr: 'max by (job, namespace, model) (plinth_promoter_retrain_hindered) > 0',
    for: Duration.minutes(15),
    severity: 'warning',
    summary: "Model {{ $labels.model }} drifts, and the DAG that should train it anew isn't run",
  },
];
