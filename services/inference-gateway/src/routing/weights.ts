/**
 * Smooth weighted round robin: of each 100 choices every candidate gets exactly its weight, spread evenly
 * rather than in runs. Deterministic, so that a canary's share needs no luck.
 */
export class Weights<T> {
  readonly #candidates: readonly { readonly value: T; readonly weight: number; current: number }[];
  readonly #total: number;

  constructor(candidates: readonly (readonly [value: T, weight: number])[]) {
    this.#candidates = candidates
      .filter(([, weight]) => weight > 0)
      .map(([value, weight]) => ({ value, weight, current: 0 }));
    this.#total = this.#candidates.reduce((sum, { weight }) => sum + weight, 0);
  }

  next(): T {
    let best = this.#candidates[0];
    if (best === undefined) throw new Error('no candidate has a weight above 0');
    for (const candidate of this.#candidates) {
      candidate.current += candidate.weight;
      if (candidate.current > best.current) best = candidate;
    }
    best.current -= this.#total;
    return best.value;
  }
}

/** True for exactly `rate` of the calls in the long run, evenly spread. */
export class Sampler {
  readonly #rate: number;
  #owed = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  next(): boolean {
    this.#owed += this.#rate;
    // 1e-9: ten times 0.1 is a little less than 1.
    if (this.#owed < 1 - 1e-9) return false;
    this.#owed -= 1;
    return true;
  }
}
