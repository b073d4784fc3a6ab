import { z } from 'zod';
import { ByteBudget, collect } from '../data/body.ts';
import type { Metrics } from '../metrics.ts';
import type { Predictor, Route, Router } from '../routing/router.ts';
import { attempt, type Outgoing } from './attempt.ts';

/** An answer over this is none about outliers: it has a word or two a row. */
const answerBytes = 1024 * 1024;

const answer = z.object({
  outputs: z.array(z.object({ name: z.string(), data: z.array(z.unknown()) })).min(1),
});

export interface Verdicts {
  readonly outliers: number;
  readonly rows: number;
  /** One a row where the model gives them. */
  readonly scores: readonly number[];
}

const truth = (value: unknown): boolean => value === true || (typeof value === 'number' && value !== 0);

/**
 * What a V2 answer says of each row. An output `outlier` or `is_outlier` says it by true or 1; without one the first
 * output does as scikit-learn's detectors do, by a negative number. An output `score` is how far out a row is.
 * Undefined: nothing of that.
 */
export const verdictsOf = (body: Buffer): Verdicts | undefined => {
  let outputs: z.infer<typeof answer>['outputs'];
  try {
    outputs = answer.parse(JSON.parse(body.toString('utf8'))).outputs;
  } catch {
    return undefined;
  }
  const flat = (data: readonly unknown[] | undefined): readonly unknown[] => (data ?? []).flat(8);
  const named = outputs.find(({ name }) => name === 'outlier' || name === 'is_outlier');
  const values = flat((named ?? outputs[0])?.data);
  const readable = (value: unknown): boolean =>
    typeof value === 'number' || (named !== undefined && typeof value === 'boolean');
  if (values.length === 0 || !values.every(readable)) return undefined;
  const scores = flat(outputs.find(({ name }) => name === 'score')?.data);
  return {
    outliers: values.filter((value) => (named === undefined ? Number(value) < 0 : truth(value))).length,
    rows: values.length,
    scores: scores.filter((value) => typeof value === 'number'),
  };
};

/**
 * Asks a model's outlier model about requests that have been answered, and counts what it says. With `limit` checks at
 * work, or half of that at one outlier model, the next is dropped and counted, so nothing ever waits for it.
 */
export class Outliers {
  readonly #limit: number;
  readonly #router: Pick<Router, 'find'>;
  readonly #metrics: Metrics;
  readonly #stop = new AbortController();
  /** By outlier model, whichever models it is asked for. */
  readonly #running = new Map<string, number>();

  constructor(limit: number, router: Pick<Router, 'find'>, metrics: Metrics) {
    this.#limit = limit;
    this.#router = router;
    this.#metrics = metrics;
  }

  /** `served` is who answered the request. Never throws. */
  check(route: Route, served: Predictor, request: Outgoing & { readonly body: Buffer }): void {
    const detector = this.#detector(route);
    if (detector === undefined) this.#count(route, 'unserved');
    else if (this.#full(detector.key)) this.#count(route, 'dropped');
    else void this.#check(route, served, detector, request);
  }

  /** Gives up what is at work. */
  stop(): void {
    this.#stop.abort();
  }

  /** Of the model's own team only: a request is for nobody else's eyes. */
  #detector(route: Route): Route | undefined {
    const { outliers, team } = route.config;
    const found = this.#router.find(outliers?.model ?? '', new Set([team]));
    return found?.config.team === team ? found : undefined;
  }

  /** One slow detector takes half of what there is at most. */
  #full(detector: string): boolean {
    const all = [...this.#running.values()].reduce((sum, each) => sum + each, 0);
    return all >= this.#limit || (this.#running.get(detector) ?? 0) >= Math.max(1, this.#limit / 2);
  }

  #occupy(detector: string, by: 1 | -1): void {
    const own = (this.#running.get(detector) ?? 0) + by;
    if (own > 0) this.#running.set(detector, own);
    else this.#running.delete(detector);
  }

  async #check(
    route: Route,
    { version }: Predictor,
    detector: Route,
    request: Outgoing & { readonly body: Buffer },
  ): Promise<void> {
    const { model, config } = route;
    this.#occupy(detector.key, 1);
    detector.hold();
    try {
      const outgoing = { ...request, model: detector.model };
      const found = await attempt(detector.stable, outgoing, this.#stop.signal, this.#metrics);
      const body = await collect(found.body, answerBytes, new ByteBudget(answerBytes)).catch((error) => {
        found.body.destroy();
        throw error;
      });
      const verdicts = found.status < 300 ? verdictsOf(body) : undefined;
      if (verdicts === undefined) return this.#count(route, found.status < 300 ? 'unreadable' : 'failed');
      this.#count(route, 'checked');
      const labels = { team: config.team, model, version };
      this.#metrics.checkedRows.inc(labels, verdicts.rows);
      this.#metrics.outlierRows.inc(labels, verdicts.outliers);
      for (const score of verdicts.scores) this.#metrics.outlierScores.observe(labels, score);
    } catch {
      if (!this.#stop.signal.aborted) this.#count(route, 'failed');
    } finally {
      this.#occupy(detector.key, -1);
      detector.release();
    }
  }

  #count({ model, config }: Route, result: string): void {
    this.#metrics.outlierChecks.inc({ team: config.team, model, result });
  }
}
