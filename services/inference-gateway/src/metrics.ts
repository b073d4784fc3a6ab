import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, Summary } from 'prom-client';
import type { Router } from './routing/router.ts';

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const subject = ['team', 'model', 'version'] as const;

/** What gauges ask for. */
interface Observed {
  /** Bytes of prediction records in memory. */
  readonly logBytes: () => number;
  readonly refused: () => boolean;
  readonly watched: () => boolean;
}

/** Every series of the gateway. Labels come from the configuration, never from what a caller wrote. */
export class Metrics {
  readonly registry = new Registry();

  /** What callers saw; version is that of the predictor that answered, empty if none did. The team sees its own. */
  readonly requests = this.#counter('requests_total', 'Requests by model, version and status', [
    'team',
    'model',
    'version',
    'code',
  ]);
  readonly requestSeconds = this.#histogram(
    'request_seconds',
    'Seconds from the request to its whole answer',
    ['team', 'model', 'version'],
  );
  /** What predictors did, fall-backs and mirrored copies included: a candidate is judged by this. */
  readonly attempts = this.#counter('attempts_total', 'Requests sent to predictors by result', [
    'model',
    'version',
    'result',
  ]);
  readonly attemptSeconds = this.#histogram('attempt_seconds', "Seconds until a predictor's answer began", [
    'model',
    'version',
  ]);
  readonly fallbacks = this.#counter('fallbacks_total', 'Answers of the stable predictor for a candidate', [
    'model',
    'version',
    'reason',
  ]);
  readonly retries = this.#counter('retries_total', 'Requests sent again after a lost connection', ['model']);
  readonly mirrors = this.#counter('mirrors_total', 'Mirrored requests by result of the comparison', [
    'model',
    'version',
    'result',
  ]);
  readonly outlierChecks = this.#counter(
    'outlier_checks_total',
    'Requests that an outlier model was to be asked about, by what became of it',
    ['team', 'model', 'result'],
  );
  readonly checkedRows = this.#counter('outlier_checked_rows_total', 'Rows that outlier models judged', [
    ...subject,
  ]);
  readonly outlierRows = this.#counter('outlier_rows_total', 'Those that they hold for outliers', [
    ...subject,
  ]);
  readonly outlierScores = new Summary({
    name: 'plinth_gateway_outlier_score',
    help: 'How far out rows are, where the outlier model says it',
    labelNames: [...subject],
    percentiles: [],
    registers: [this.registry],
  });
  readonly refusedTokens = this.#counter('refused_tokens_total', 'Requests without a valid token', [
    'reason',
  ]);
  readonly keyFetches = this.#counter('key_fetches_total', "Fetches of the issuer's keys", ['result']);
  readonly reloads = this.#counter('config_reloads_total', 'Configurations read, by result', ['result']);
  readonly logged = this.#counter('log_records_total', 'Prediction records accepted by the sink', []);
  readonly logDropped = this.#counter('log_dropped_total', 'Prediction records dropped', ['reason']);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    // Known before they first happen, so that a rate over the first one isn't lost.
    for (const result of ['applied', 'refused']) this.reloads.inc({ result }, 0);
    for (const reason of ['full', 'sink']) this.logDropped.inc({ reason }, 0);
  }

  /** Gauges that are read when Prometheus asks. */
  observe(router: Router, { logBytes, refused, watched }: Observed): void {
    this.#gauge('running_requests', 'Requests at work', ['model'], (gauge) => {
      gauge.reset();
      for (const { model, limiter } of router.active) gauge.inc({ model }, limiter.running);
    });
    this.#gauge('queued_requests', 'Requests that wait for their turn', ['model'], (gauge) => {
      gauge.reset();
      for (const { model, limiter } of router.active) gauge.inc({ model }, limiter.waiting);
    });
    this.#gauge('draining_requests', 'Requests on routes that are no longer in force', ['model'], (gauge) => {
      gauge.reset();
      for (const { model, requests } of router.draining) gauge.inc({ model }, requests);
    });
    this.#gauge('config_refused', '1 while something that the routes say is not in force', [], (gauge) =>
      gauge.set(refused() ? 1 : 0),
    );
    this.#gauge('config_watched', '0 while a change of the routes would not be noticed', [], (gauge) =>
      gauge.set(watched() ? 1 : 0),
    );
    this.#gauge('log_bytes', 'Bytes of prediction records in memory', [], (gauge) => gauge.set(logBytes()));
  }

  /** What isn't in force of the routes that teams write. */
  observeTeams(teams: readonly string[], refused: (team: string) => number): void {
    this.#gauge(
      'team_routes_refused',
      "Documents of a team's own routes that are not in force",
      ['team'],
      (gauge) => {
        for (const team of teams) gauge.set({ team }, refused(team));
      },
    );
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name: `plinth_gateway_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> {
    return new Histogram({
      name: `plinth_gateway_${name}`,
      help,
      labelNames,
      buckets,
      registers: [this.registry],
    });
  }

  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read?: (gauge: Gauge<L>) => void,
  ): Gauge<L> {
    return new Gauge<L>({
      name: `plinth_gateway_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      ...(read && {
        collect() {
          read(this as unknown as Gauge<L>);
        },
      }),
    });
  }
}
