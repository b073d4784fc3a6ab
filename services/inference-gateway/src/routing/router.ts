import { isDeepStrictEqual } from 'node:util';
import type { Pool } from 'undici';
import type { ModelConfig, PredictorConfig, RoutesConfig } from './config.ts';
import { Limiter } from './limiter.ts';
import { Pools } from './pools.ts';
import { Sampler, Weights } from './weights.ts';

/** A predictor as requests use it. */
export interface Predictor {
  readonly name: string;
  readonly version: string;
  readonly origin: string;
  /** Path of the model at the predictor, such as /v2/models/delays. */
  readonly path: string;
  readonly timeoutMs: number;
  readonly pool: Pool;
}

/** One model's configuration at work. A request holds on to the route it began with. */
export class Route {
  readonly model: string;
  readonly config: ModelConfig;
  readonly stable: Predictor;
  readonly mirrors: readonly Predictor[];
  readonly predictors: readonly Predictor[];
  readonly limiter: Limiter;
  readonly sampler: Sampler;
  /** Of the requests that the outlier model is asked about. */
  readonly checked: Sampler;
  /** Fields whose values never reach the log. */
  readonly redact: ReadonlySet<string>;
  readonly #weights: Weights<Predictor>;
  readonly #pools: Pools;
  #requests = 0;
  #retired = false;

  constructor(model: string, config: ModelConfig, pools: Pools, limiter: Limiter) {
    this.model = model;
    this.config = config;
    this.limiter = limiter;
    this.#pools = pools;
    const made = config.predictors.map((one) => [one, toPredictor(model, config, one, pools)] as const);
    this.predictors = made.map(([, predictor]) => predictor);
    this.mirrors = made.filter(([{ mirror }]) => mirror).map(([, predictor]) => predictor);
    this.#weights = new Weights(made.map(([{ weight }, predictor]) => [predictor, weight]));
    this.sampler = new Sampler(config.log.sample);
    this.checked = new Sampler(config.outliers?.sample ?? 0);
    this.redact = new Set(config.log.redact);
    const stable = this.predictors.find(({ name }) => name === config.stable);
    if (stable === undefined) throw new Error(`${model} has no predictor ${config.stable}`);
    this.stable = stable;
  }

  /** Of one model for as long as a team has it: two teams may have models of one name. */
  get key(): string {
    return keyOf(this.model, this.config);
  }

  /** Requests that hold this route, mirrored copies included. */
  get requests(): number {
    return this.#requests;
  }

  choose(): Predictor {
    return this.#weights.next();
  }

  hold(): void {
    this.#requests += 1;
  }

  release(): void {
    this.#requests -= 1;
    this.#closeWhenDone();
  }

  /** No new request comes; connections close when the last one has its answer. */
  retire(): void {
    this.#retired = true;
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (!this.#retired || this.#requests > 0) return;
    for (const { origin } of this.predictors) this.#pools.release(origin);
  }
}

const keyOf = (model: string, { team }: ModelConfig): string => `${team}/${model}`;

const toPredictor = (model: string, config: ModelConfig, one: PredictorConfig, pools: Pools): Predictor => {
  const { origin, pathname } = new URL(one.url);
  return {
    name: one.name,
    version: one.version,
    origin,
    path: `${pathname.replace(/\/$/, '')}/v2/models/${one.model ?? model}`,
    timeoutMs: one.timeoutMs ?? config.timeoutMs,
    pool: pools.acquire(origin),
  };
};

/** The routes in force, and those that still finish what they have. */
export class Router {
  readonly #pools = new Pools();
  #routes = new Map<string, Route>();
  #named = new Map<string, Route[]>();
  #draining = new Set<Route>();

  /**
   * Puts a configuration in force at once: models by name, or by `<team>/<model>` where several teams may have the name. A
   * model whose configuration is the same keeps its route and its turn.
   */
  replace(config: RoutesConfig): void {
    const old = this.#routes;
    this.#routes = new Map(
      Object.entries(config.models).map(([name, next]) => {
        const model = name.slice(name.indexOf('/') + 1);
        const key = keyOf(model, next);
        const found = old.get(key);
        if (found !== undefined && isDeepStrictEqual(found.config, next)) return [key, found];
        return [key, new Route(model, next, this.#pools, limiterOf(next, found))];
      }),
    );
    this.#named = Map.groupBy(this.#routes.values(), ({ model }) => model);
    for (const [key, route] of old) {
      if (this.#routes.get(key) === route) continue;
      this.#draining.add(route);
      route.retire();
    }
    this.#forget();
  }

  /** That of one of these teams, the first by name; else another team's, for nobody of these to use. */
  find(model: string, teams: ReadonlySet<string>): Route | undefined {
    const named = this.#named.get(model);
    return named?.find(({ config }) => teams.has(config.team)) ?? named?.[0];
  }

  get active(): readonly Route[] {
    return [...this.#routes.values()];
  }

  /** Replaced routes that still have requests: their predictors must not go yet. */
  get draining(): readonly Route[] {
    this.#forget();
    return [...this.#draining];
  }

  #forget(): void {
    for (const route of this.#draining) if (route.requests === 0) this.#draining.delete(route);
  }
}

/** A new weight must not open the gate twice: the limit goes with the model as long as it is the same. */
const limiterOf = (next: ModelConfig, old: Route | undefined): Limiter =>
  old !== undefined &&
  old.config.maxConcurrent === next.maxConcurrent &&
  old.config.maxQueued === next.maxQueued
    ? old.limiter
    : new Limiter(next.maxConcurrent, next.maxQueued);
