/**
 * Where whoever applies an environment leaves what came of it, for Prometheus: a ConfigMap that is in no tree, since
 * nothing that is composed knows the time. Prometheus serves its files to itself, so nothing more has to run.
 */
export const lastApply = {
  job: 'pulumi-apply',
  namespace: 'monitoring',
  configMap: 'last-apply',
  /** For Prometheus' discovery from files: as long as nobody has left anything there is no target, and none is down. */
  targets: 'targets.json',
  /** In Prometheus' text format. */
  metrics: 'metrics.txt',
} as const;
