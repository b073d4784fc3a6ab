import { Duration } from 'cdk8s';
import type { Alert, RecordingRule } from '../contracts/index.ts';

/** Requests answered, by status; of the server's own routes, without probes. */
export const recordings: readonly RecordingRule[] = [
  {
    record: 'job_status:mlflow_http_requests:rate5m',
    expr: 'sum by (job, namespace, status) (rate(mlflow_http_request_total[5m]))',
  },
];

export const alerts: readonly Alert[] = [
  {
    name: 'MlflowErrors',
    expr: [
      'sum by (job, namespace) (job_status:mlflow_http_requests:rate5m{status=~"5.."})',
      '  / sum by (job, namespace) (job_status:mlflow_http_requests:rate5m) > 0.05',
    ].join('\n'),
    for: Duration.minutes(10),
    severity: 'critical',
    summary: 'MLflow fails {{ $value | humanizePercentage }} of its requests',
  },
];
