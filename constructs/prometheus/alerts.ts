import { Duration } from 'cdk8s';
import type { Alert } from '../contracts/index.ts';

/** A job without any target has no series that could tell: absent() makes one, with the job's name. */
const missing = (jobs: readonly string[]): string =>
  jobs.map((job) => `absent(up{job="${job}"})`).join('\nor ');

/** What is true of every job, whatever it measures; `jobs` are those that must have a target. */
export const scrapeAlerts = (jobs: readonly string[]): readonly Alert[] => [
  {
    name: 'TargetDown',
    expr: 'up{team=""} == 0',
    for: Duration.minutes(10),
    severity: 'critical',
    summary: '{{ $labels.job }} ({{ $labels.instance }}) does not answer Prometheus',
  },
  {
    name: 'TargetMissing',
    expr: missing(jobs),
    for: Duration.minutes(10),
    severity: 'critical',
    summary: 'No pod of {{ $labels.job }} is running',
  },
];

/** Whether monitoring itself works. */
export const ownAlerts: readonly Alert[] = [
  {
    name: 'Watchdog',
    expr: 'vector(1)',
    for: Duration.minutes(0),
    severity: 'warning',
    summary: 'Always there: whoever stops hearing it knows that alerts no longer arrive',
  },
  {
    name: 'AlertsNotDelivered',
    expr: [
      'sum by (job, namespace) (increase(prometheus_notifications_dropped_total[10m])) > 0',
      'or sum by (job, namespace, integration) (increase(alertmanager_notifications_failed_total[10m])) > 0',
    ].join('\n'),
    for: Duration.minutes(5),
    severity: 'critical',
    summary: '{{ $labels.job }} could not pass on alerts',
  },
  {
    name: 'RuleFails',
    expr: 'sum by (job, namespace, rule_group) (increase(prometheus_rule_evaluation_failures_total[10m])) > 0',
    for: Duration.minutes(5),
    severity: 'warning',
    summary: 'Rules of {{ $labels.rule_group }} can not be evaluated',
  },
  {
    name: 'TeamMetricsDropped',
    expr: [
      'sum by (job, namespace) (increase(prometheus_target_scrapes_exceeded_sample_limit_total[30m])) > 0',
    ].join('\n'),
    for: Duration.minutes(15),
    severity: 'warning',
    summary: 'A pod of a team has more series than a team may have, so none of its series are kept',
  },
];

/** Kubernetes, as far as its API server tells. */
export const kubernetesAlerts: readonly Alert[] = [
  {
    name: 'KubernetesApiErrors',
    expr: [
      'sum by (job) (rate(apiserver_request_total{code=~"5.."}[5m]))',
      '  / sum by (job) (rate(apiserver_request_total[5m])) > 0.05',
    ].join('\n'),
    for: Duration.minutes(10),
    severity: 'critical',
    summary: 'The Kubernetes API fails {{ $value | humanizePercentage }} of its requests',
  },
];

/** Of nodes and containers, as their kubelets tell. */
export const nodeAlerts: readonly Alert[] = [
  {
    name: 'ContainerRestarts',
    expr: 'changes(container_start_time_seconds{team=""}[30m]) > 3',
    for: Duration.minutes(5),
    severity: 'warning',
    summary:
      'Container {{ $labels.container }} of {{ $labels.namespace }}/{{ $labels.pod }} starts over and over',
  },
  {
    name: 'VolumeFillsUp',
    expr: [
      'kubelet_volume_stats_available_bytes{team=""}',
      '  / kubelet_volume_stats_capacity_bytes{team=""} < 0.1',
    ].join('\n'),
    for: Duration.minutes(15),
    severity: 'critical',
    summary:
      '{{ $value | humanizePercentage }} of volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} are left',
  },
  {
    name: 'NodeDiskFillsUp',
    expr: [
      'max by (node, device) (container_fs_usage_bytes{job="nodes"})',
      '  / max by (node, device) (container_fs_limit_bytes{job="nodes"} > 0) > 0.85',
    ].join('\n'),
    for: Duration.minutes(15),
    severity: 'critical',
    summary: '{{ $value | humanizePercentage }} of {{ $labels.device }} of node {{ $labels.node }} are full',
  },
];

/** Of who changes the platform. */
export const applyAlerts: readonly Alert[] = [
  {
    name: 'ApplyFailed',
    expr: 'plinth_apply_succeeded == 0',
    for: Duration.minutes(15),
    severity: 'warning',
    summary: 'The last update of stack {{ $labels.stack }} did not apply everything',
  },
];
