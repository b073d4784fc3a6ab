import { Duration } from 'cdk8s';
import type { Alert, RecordingRule } from '../contracts/index.ts';

/** Requests from outside, by status. */
export const recordings: readonly RecordingRule[] = [
  {
    record: 'job_code:traefik_service_requests:rate5m',
    expr: 'sum by (job, namespace, service, code) (rate(traefik_service_requests_total[5m]))',
  },
];

export const alerts: readonly Alert[] = [
  {
    name: 'GatewayErrors',
    expr: [
      'sum by (job, namespace, service) (job_code:traefik_service_requests:rate5m{code=~"5.."})',
      '  / sum by (job, namespace, service) (job_code:traefik_service_requests:rate5m) > 0.05',
    ].join('\n'),
    for: Duration.minutes(10),
    severity: 'critical',
    summary: '{{ $value | humanizePercentage }} of the requests to {{ $labels.service }} fail',
  },
  {
    name: 'GatewayCertificateExpires',
    expr: 'min by (job, namespace, cn) (traefik_tls_certs_not_after) - time() < 14 * 86400',
    for: Duration.hours(1),
    severity: 'warning',
    summary: 'The certificate of {{ $labels.cn }} ends in {{ $value | humanizeDuration }}',
  },
];
