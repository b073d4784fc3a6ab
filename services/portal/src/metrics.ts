import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** Every series of the portal. No label is what a visitor wrote. */
export class Metrics {
  readonly registry = new Registry();

  readonly renderSeconds = new Histogram({
    name: 'plinth_portal_render_seconds',
    help: 'Seconds of own work to make the page of what others answered',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
    registers: [this.registry],
  });
  readonly upstreamSeconds = new Histogram({
    name: 'plinth_portal_upstream_seconds',
    help: 'Seconds until somebody else answered, or until that was given up',
    labelNames: ['upstream', 'result'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
    registers: [this.registry],
  });
  readonly actions = new Counter({
    name: 'plinth_portal_actions_total',
    help: 'Buttons that were pressed, by what became of it',
    labelNames: ['action', 'result'] as const,
    registers: [this.registry],
  });
  readonly signIns = new Counter({
    name: 'plinth_portal_sign_ins_total',
    help: 'Browsers that came back from the issuer and were not let in',
    labelNames: ['result'] as const,
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    for (const action of ['stop-notebook', 'stop-spark', 'roll-back', 'approve'])
      for (const result of ['done', 'refused', 'failed']) this.actions.inc({ action, result }, 0);
    this.signIns.inc({ result: 'refused' }, 0);
  }
}
