import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Tally } from './drift/pairs.ts';
import { thresholds } from './drift/statistics.ts';
import type { Backlog, Subject } from './store/predictions.ts';
import type { Finding } from './store/windows.ts';

const subject = ['team', 'model', 'version'] as const;

/** Every series of the service. Labels come from the platform's routes and from baselines, never from a request. */
export class Metrics {
  readonly registry = new Registry();

  readonly records = this.#counter('plinth_prediction_records_total', 'Predictions taken', subject);
  readonly duplicates = this.#counter(
    'plinth_prediction_duplicates_total',
    'Predictions that were there',
    [],
  );
  readonly refused = this.#counter(
    'plinth_prediction_refused_total',
    'Records or batches that were not taken',
    ['reason'],
  );
  readonly labels = this.#counter('plinth_prediction_labels_total', 'Labels taken', ['team', 'model']);
  readonly #judged = this.#counter(
    'plinth_prediction_judged_rows_total',
    'Rows whose labels have come and say whether the prediction was right',
    subject,
  );
  readonly #wrong = this.#counter(
    'plinth_prediction_wrong_rows_total',
    'Those that were predicted wrongly',
    subject,
  );
  readonly #error = this.#counter(
    'plinth_prediction_error_total',
    'Sum of the absolute errors of those, where the baseline has a mean error',
    subject,
  );
  readonly files = this.#counter('plinth_prediction_files_total', 'Files by kind and result', [
    'kind',
    'result',
  ]);
  readonly windows = this.#counter(
    'plinth_drift_windows_total',
    'Windows closed, by whether there was a baseline',
    [...subject, 'result'],
  );
  readonly failures = this.#counter('plinth_prediction_failures_total', 'Steps that failed', ['step']);
  readonly #backlogRows = this.#gauge(
    'plinth_prediction_backlog_rows',
    'Predictions that are in no file yet',
    ['team'],
  );
  readonly #backlogBytes = this.#gauge(
    'plinth_prediction_backlog_bytes',
    'Their bodies, and labels that are in no file yet',
    ['team'],
  );
  readonly #backlogAge = this.#gauge('plinth_prediction_backlog_seconds', 'Age of the oldest of them', [
    'team',
  ]);
  readonly #scores = this.#gauge('plinth_drift_score', 'How much a field moved, in the last window', [
    ...subject,
    'field',
    'check',
  ]);
  readonly #rows = this.#gauge('plinth_drift_window_rows', 'Rows of the last window', [...subject, 'kind']);
  readonly #ends = this.#gauge('plinth_drift_window_end_seconds', 'Time of its last prediction', [
    ...subject,
    'kind',
  ]);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    const limits = this.#gauge('plinth_drift_threshold', 'From where on a score is drift', ['check']);
    for (const [check, value] of Object.entries(thresholds)) limits.set({ check }, value);
    // Known before they first happen, so that a rate over the first one isn't lost.
    for (const reason of ['busy', 'backlog', 'malformed', 'team']) this.refused.inc({ reason }, 0);
    for (const kind of ['prediction', 'label'])
      for (const result of ['written', 'failed']) this.files.inc({ kind, result }, 0);
    for (const step of ['write', 'watch', 'forget']) this.failures.inc({ step }, 0);
  }

  /** Of every team: one of which nothing waits has 0. */
  waiting(teams: Iterable<string>, backlog: readonly Backlog[]): void {
    const known = new Map(backlog.map((each) => [each.team, each]));
    for (const team of teams) {
      const { rows = 0, octets = 0, oldestSeconds = 0 } = known.get(team) ?? {};
      this.#backlogRows.set({ team }, rows);
      this.#backlogBytes.set({ team }, octets);
      this.#backlogAge.set({ team }, oldestSeconds);
    }
  }

  judged({ team, model, version }: Subject, { rows, wrong, error }: Tally): void {
    const labels = { team, model, version };
    this.#judged.inc(labels, rows);
    this.#wrong.inc(labels, wrong);
    this.#error.inc(labels, error);
  }

  /** What these say, and nothing else: at one go, so that no scrape comes in between. */
  found(findings: readonly Finding[]): void {
    for (const gauge of [this.#rows, this.#ends, this.#scores]) gauge.reset();
    for (const { team, model, version, kind, rows, last, scores } of findings) {
      const labels = { team, model, version };
      this.#rows.set({ ...labels, kind }, rows);
      this.#ends.set({ ...labels, kind }, last.getTime() / 1000);
      for (const [field, all] of Object.entries(scores))
        for (const { check, value } of all) this.#scores.set({ ...labels, field, check }, value);
    }
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
