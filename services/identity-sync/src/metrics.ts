import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Every series of the service, all beginning with `plinth_identity_`. */
export class Metrics {
  readonly registry = new Registry();
  readonly runs = new Counter({
    name: 'plinth_identity_reconciliations_total',
    help: 'Looks at the whole realm, by result',
    labelNames: ['result'] as const,
    registers: [this.registry],
  });
  readonly seconds = new Histogram({
    name: 'plinth_identity_reconciliation_seconds',
    help: 'Seconds for one look at the whole realm',
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [this.registry],
  });
  readonly changes = new Counter({
    name: 'plinth_identity_changes_total',
    help: 'Changes made in Keycloak, by kind of thing and what was done',
    labelNames: ['kind', 'action'] as const,
    registers: [this.registry],
  });
  readonly lastSuccess = new Gauge({
    name: 'plinth_identity_last_success_timestamp_seconds',
    help: 'When the realm was last as declared',
    registers: [this.registry],
  });
  readonly conflicts = new Gauge({
    name: 'plinth_identity_conflicts',
    help: 'Declared things whose name somebody else uses in the realm',
    registers: [this.registry],
  });
  readonly fileRefused = new Gauge({
    name: 'plinth_identity_file_refused',
    help: '1 while the file is missing or wrong, and what was in force stays',
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    // Known before they first happen, so that a rate over the first one isn't lost.
    for (const result of ['success', 'failure']) this.runs.inc({ result }, 0);
  }
}
