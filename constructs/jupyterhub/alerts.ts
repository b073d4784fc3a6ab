import { Duration } from 'cdk8s';
import type { Alert, RecordingRule } from '../contracts/index.ts';

/** What somebody asked for and can't have; everything else that keeps a server from starting is ours to mend. */
const ownDoing = 'access|already-pending|choice|quota|servers|size|throttled|too-many-users';

export const recordings: readonly RecordingRule[] = [
  {
    record: 'job_status:jupyterhub_server_spawns:increase15m',
    expr: [
      'sum by (job, namespace, status) (',
      `  increase(jupyterhub_server_spawn_duration_seconds_count{reason!~"${ownDoing}"}[15m])`,
      ')',
    ].join('\n'),
  },
  {
    record: 'job_code:jupyterhub_requests:rate5m',
    expr: 'sum by (job, namespace, code) (rate(jupyterhub_request_duration_seconds_count[5m]))',
  },
];

export const alerts: readonly Alert[] = [
  {
    name: 'NotebooksDoNotStart',
    expr: [
      'sum by (job, namespace) (job_status:jupyterhub_server_spawns:increase15m{status!="success"}) > 2.5',
      'and on (job, namespace)',
      '  sum by (job, namespace) (job_status:jupyterhub_server_spawns:increase15m{status!="success"})',
      '    / sum by (job, namespace) (job_status:jupyterhub_server_spawns:increase15m) > 0.5',
    ].join('\n'),
    for: Duration.minutes(5),
    severity: 'warning',
    summary: 'Most starts of notebook servers within 15 minutes failed: {{ $value | humanize }}',
  },
  {
    name: 'HubErrors',
    expr: [
      'sum by (job, namespace) (job_code:jupyterhub_requests:rate5m{code=~"5.."})',
      '  / sum by (job, namespace) (job_code:jupyterhub_requests:rate5m) > 0.1',
    ].join('\n'),
    for: Duration.minutes(10),
    severity: 'warning',
    summary: 'JupyterHub fails {{ $value | humanizePercentage }} of its requests',
  },
  {
    name: 'NotebookAccessUnknown',
    expr: 'sum by (job, namespace) (increase(plinth_hub_access_checks_total{answer="unknown"}[5m])) > 0',
    for: Duration.minutes(10),
    severity: 'warning',
    summary: "The issuer doesn't tell JupyterHub whether people still have access",
  },
];
