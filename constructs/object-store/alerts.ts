import { Duration } from 'cdk8s';
import type { Alert, RecordingRule } from '../contracts/index.ts';

/** Requests of S3, by status and bucket. */
export const recordings: readonly RecordingRule[] = [
  {
    record: 'job_bucket_code:s3_requests:rate5m',
    expr: 'sum by (job, namespace, bucket, code) (rate(SeaweedFS_s3_request_total[5m]))',
  },
];

export const alerts: readonly Alert[] = [
  {
    name: 'ObjectStoreErrors',
    expr: [
      'sum by (job, namespace) (job_bucket_code:s3_requests:rate5m{code=~"5.."})',
      '  / sum by (job, namespace) (job_bucket_code:s3_requests:rate5m) > 0.05',
    ].join('\n'),
    for: Duration.minutes(10),
    severity: 'critical',
    summary: 'The object store fails {{ $value | humanizePercentage }} of its requests',
  },
  {
    name: 'ObjectStoreFillsUp',
    expr: [
      'sum by (job, namespace) (SeaweedFS_volumeServer_resource{type="free"})',
      '  / sum by (job, namespace) (SeaweedFS_volumeServer_resource{type="all"}) < 0.1',
    ].join('\n'),
    for: Duration.minutes(15),
    severity: 'warning',
    summary: '{{ $value | humanizePercentage }} of the object store are left',
  },
];
