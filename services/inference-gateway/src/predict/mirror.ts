import { ByteBudget, collect, TooLarge } from '../data/body.ts';
import type { Metrics } from '../metrics.ts';
import type { Predictor, Route } from '../routing/router.ts';
import { compare } from './answers.ts';
import { attempt, type Outgoing } from './attempt.ts';

/** An answer over this is not compared. */
export const comparedBytes = 1024 * 1024;

/**
 * Sends copies of answered requests to the predictors that mirror, and only compares. A copy starts when the
 * caller has its answer; with `limit` copies at work, or half of that of one model, the next one is dropped and counted,
 * so nothing ever waits.
 */
export class Mirror {
  readonly #limit: number;
  readonly #metrics: Metrics;
  readonly #stop = new AbortController();
  #running = 0;
  readonly #ofModel = new Map<string, number>();

  constructor(limit: number, metrics: Metrics) {
    this.#limit = limit;
    this.#metrics = metrics;
  }

  /** `answer` is undefined if it was too large to keep. Never throws. */
  copy(route: Route, request: Outgoing & { readonly body: Buffer }, answer: Buffer | undefined): void {
    for (const predictor of route.mirrors) {
      if (this.#full(route.key)) this.#count(route, predictor, 'dropped');
      else void this.#copy(route, predictor, request, answer);
    }
  }

  /** One slow model takes half of what there is at most: others are to be compared too. */
  #full(model: string): boolean {
    const own = this.#ofModel.get(model) ?? 0;
    return this.#running >= this.#limit || own >= Math.max(1, this.#limit / 2);
  }

  #occupy(model: string, by: 1 | -1): void {
    this.#running += by;
    const own = (this.#ofModel.get(model) ?? 0) + by;
    if (own > 0) this.#ofModel.set(model, own);
    else this.#ofModel.delete(model);
  }

  /** Gives up what is at work. */
  stop(): void {
    this.#stop.abort();
  }

  async #copy(
    route: Route,
    predictor: Predictor,
    request: Outgoing,
    ours: Buffer | undefined,
  ): Promise<void> {
    this.#occupy(route.key, 1);
    route.hold();
    try {
      const answer = await attempt(predictor, request, this.#stop.signal, this.#metrics);
      const theirs = await collect(answer.body, comparedBytes, new ByteBudget(comparedBytes)).catch(
        (error) => {
          answer.body.destroy();
          if (error instanceof TooLarge) return undefined;
          throw error;
        },
      );
      if (answer.status >= 400) this.#count(route, predictor, 'failed');
      else if (theirs === undefined) this.#count(route, predictor, 'incomparable');
      else this.#count(route, predictor, ours === undefined ? 'incomparable' : compare(ours, theirs));
    } catch {
      if (!this.#stop.signal.aborted) this.#count(route, predictor, 'failed');
    } finally {
      this.#occupy(route.key, -1);
      route.release();
    }
  }

  #count(route: Route, predictor: Predictor, result: string): void {
    this.#metrics.mirrors.inc({ model: route.model, version: predictor.version, result });
  }
}
