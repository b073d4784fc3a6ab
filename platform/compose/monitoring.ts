import { Size } from 'cdk8s';
import { Alertmanager, Prometheus } from '../../constructs/prometheus/index.ts';
import type { ComposeContext } from './context.ts';

/** Comes after everything else that has something to measure. */
export const composeMonitoring = (context: ComposeContext): void => {
  const { app, observed, environment, kubernetes } = context;
  const { monitoring } = environment;
  if (monitoring.kind === 'off') return;
  const home = context.namespace('monitoring');
  const alertmanager = new Alertmanager(app, { home, receivers: monitoring.receivers });
  const all = [...observed, alertmanager.observable];
  const namespaces = new Set(all.flatMap(({ metrics }) => metrics.map(({ namespace }) => namespace)));
  new Prometheus(app, {
    home,
    kubernetes,
    nodeCidr: monitoring.nodeCidr,
    observed: all,
    watched: [...namespaces].sort().map((name) => context.namespace(name)),
    storage: Size.gibibytes(monitoring.storageGiB),
    retentionDays: monitoring.retentionDays,
    alertmanager: alertmanager.endpoint,
  });
};
