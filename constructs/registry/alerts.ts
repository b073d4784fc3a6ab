import { Duration } from 'cdk8s';
import type { Alert, RecordingRule } from '../contracts/index.ts';

const requests = 'code:registry_http_requests:rate5m';

/** Requests of nodes, builders and people, by status. */
export const recordings: readonly RecordingRule[] = [
  { record: requests, expr: 'sum by (job, namespace, code) (rate(registry_http_requests_total[5m]))' },
];

export const alerts: readonly Alert[] = [
  {
    name: 'RegistryErrors',
    expr: [
      `sum by (job, namespace) (${requests}{code=~"5.."})`,
      `  / sum by (job, namespace) (${requests}) > 0.05`,
    ].join('\n'),
    for: Duration.minutes(10),
    severity: 'critical',
    summary: 'The registry of images fails {{ $value | humanizePercentage }} of its requests',
  },
];
