import { Size } from 'cdk8s';
import type { Issuer } from '../../constructs/contracts/index.ts';
import { Alertmanager, Prometheus } from '../../constructs/prometheus/index.ts';
import { type Environment, generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';

/** Its pages have no sign-in of their own, so they are open to the outside only where there is one. */
export const monitoringIsExposed = ({ monitoring, identity, gateway }: Environment): boolean =>
  monitoring.kind === 'on' && identity.kind !== 'off' && gateway.kind !== 'off';

/** Comes after everything else that has something to measure. */
export const composeMonitoring = (
  context: ComposeContext,
  issuer: Issuer | undefined,
): Prometheus | undefined => {
  const { app, observed, environment, kubernetes, gateway } = context;
  const { monitoring } = environment;
  if (monitoring.kind === 'off') return undefined;
  const home = context.namespace('monitoring');
  // Without a sign-in before them their pages stay inside.
  const access = (name: 'prometheus' | 'alertmanager') =>
    issuer === undefined || gateway === undefined
      ? undefined
      : { issuer, gateway, generation: generation(environment, `${name}/sign-in`) };
  const alertmanager = new Alertmanager(app, {
    home,
    receivers: monitoring.receivers,
    handlers: context.alertHandlers,
    access: access('alertmanager'),
  });
  const forPrometheus = access('prometheus');
  const all = [...observed, alertmanager.observable];
  const namespaces = new Set(all.flatMap(({ metrics }) => metrics.map(({ namespace }) => namespace)));
  return new Prometheus(app, {
    home,
    kubernetes,
    nodeCidr: monitoring.nodeCidr,
    observed: all,
    watched: [...namespaces].sort().map((name) => context.namespace(name)),
    keeps: {
      days: monitoring.retentionDays,
      storage: Size.gibibytes(monitoring.storageGiB),
      memory: Size.gibibytes(monitoring.memoryGiB),
    },
    alertmanager: alertmanager.endpoint,
    access: forPrometheus && { ...forPrometheus, teams: environment.teams.map(({ name }) => name) },
  });
};
