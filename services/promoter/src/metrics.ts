import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { OutcomeCount } from './store/rows.ts';

export const deliveryResults = [
  'taken',
  'repeated',
  'ignored',
  'unsigned',
  'malformed',
  'unknown',
  'too large',
] as const;
export type DeliveryResult = (typeof deliveryResults)[number];

/** Every series of the service, all beginning with `plinth_promoter_`. */
export class Metrics {
  readonly registry = new Registry();
  readonly rollouts = new Counter({
    name: 'plinth_promoter_rollouts_total',
    help: 'Rollouts that have ended, by model and outcome',
    labelNames: ['model', 'outcome'] as const,
    registers: [this.registry],
  });
  readonly active = new Gauge({
    name: 'plinth_promoter_active_rollouts',
    help: 'Rollouts that are under way',
    registers: [this.registry],
  });
  readonly deliveries = new Counter({
    name: 'plinth_promoter_webhook_deliveries_total',
    help: 'Webhook deliveries, by what became of them',
    labelNames: ['result'] as const,
    registers: [this.registry],
  });
  readonly reconciliations = new Counter({
    name: 'plinth_promoter_reconciliations_total',
    help: 'Looks at the whole registry, by result',
    labelNames: ['result'] as const,
    registers: [this.registry],
  });
  readonly reconcileSeconds = new Histogram({
    name: 'plinth_promoter_reconciliation_seconds',
    help: 'Seconds for one look at the whole registry',
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [this.registry],
  });
  readonly lastSuccess = new Gauge({
    name: 'plinth_promoter_last_success_timestamp_seconds',
    help: 'When the whole registry, and every model, was last looked at without a failure',
    registers: [this.registry],
  });
  readonly failures = new Counter({
    name: 'plinth_promoter_failures_total',
    help: 'Work on a model that failed and is tried again, by model',
    labelNames: ['model'] as const,
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    // None yet: what counts is how long it has tried.
    this.lastSuccess.setToCurrentTime();
    // Known before they first happen, so that a rate over the first one isn't lost.
    for (const result of deliveryResults) this.deliveries.inc({ result }, 0);
    for (const result of ['success', 'failure']) this.reconciliations.inc({ result }, 0);
  }

  /** As the database has them: a process that starts counts on from what was. */
  counted(outcomes: readonly OutcomeCount[]): void {
    this.rollouts.reset();
    for (const { model, outcome, count } of outcomes) this.rollouts.inc({ model, outcome }, count);
  }
}
