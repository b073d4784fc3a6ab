import { defaults, type ModelConfig, parseRoute, type RoutesConfig } from './config.ts';
import type { Documents } from './documents.ts';
import { ConfigMapWatch } from './kubernetes.ts';

export interface TeamRoutesOptions {
  /** Each team's namespace. */
  readonly teams: Readonly<Record<string, string>>;
  /** The ConfigMap of each, with a key `<model>.json` for each route. */
  readonly name: string;
  readonly api: string;
  readonly account: string;
  /** Of a team's routes something is different, or they are known for the first time. */
  changed(): void;
  /** What isn't in force, and why. Called once for the same mistake. */
  refused(team: string, reason: string): void;
  /** Undefined: the team's ConfigMap is watched; else why not. */
  watched(team: string, problem: string | undefined): void;
}

interface Known {
  readonly text: string;
  readonly config: ModelConfig | undefined;
  readonly mistake: string | undefined;
}

/** A document, and what it said before. */
interface Change {
  readonly model: string;
  readonly text: string;
  readonly last: Known | undefined;
}

const suffix = '.json';
/** How long a replica that starts waits for word of each team; a watch that fails is none. In milliseconds. */
const patience = 30_000;

/** What one team may take of a gateway that is everybody's; of requests at once no more than a route gets unasked. */
const bounds = {
  ...{ routes: 100, predictors: 4 },
  ...{ maxConcurrent: defaults.maxConcurrent, maxQueued: defaults.maxQueued },
} as const;
const tooMany = `a team has at most ${bounds.routes} routes`;

/** What a team's route says that a team can't: it is its own, stays in its namespace, and leaves room for others. */
function* mistakesOf(config: ModelConfig, team: string, namespace: string): Generator<string> {
  if (config.team !== team) yield `team: expected ${team}, got ${config.team}`;
  for (const [index, { url }] of config.predictors.entries())
    if (!new URL(url).hostname.endsWith(`.${namespace}.svc.cluster.local`))
      yield `predictors.${index}.url: expected http://<service>.${namespace}.svc.cluster.local, got ${url}`;
  const { length } = config.predictors;
  if (length > bounds.predictors)
    yield `predictors: a team's model has at most ${bounds.predictors}, got ${length}`;
  for (const field of ['maxConcurrent', 'maxQueued'] as const)
    if (config[field] > bounds[field])
      yield `${field}: a team's model has at most ${bounds[field]}, got ${config[field]}`;
}

const read = (team: string, namespace: string, model: string, text: string): ModelConfig => {
  const config = parseRoute(model, text).models[model];
  if (config === undefined) throw new Error('says nothing');
  const mistakes = [...mistakesOf(config, team, namespace)];
  if (mistakes.length > 0) throw new Error(mistakes.join('; '));
  return config;
};

/**
 * Routes that teams write themselves, each in a ConfigMap of its own namespace. They come after the platform's: a model
 * that the environment or the promoter routes is theirs. Two teams may have one name: who asks decides, so that every
 * replica answers alike, whichever team it heard of first.
 */
export class TeamRoutes {
  readonly #options: TeamRoutesOptions;
  readonly #watches: readonly ConfigMapWatch[];
  readonly #known = new Map<string, ReadonlyMap<string, Known>>();
  /** Teams that nothing is known of yet. */
  readonly #awaited: Set<string>;
  /** What a team was told to be the platform's. */
  #displaced: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TeamRoutesOptions) {
    this.#options = options;
    this.#awaited = new Set(Object.keys(options.teams));
    const { name, api, account } = options;
    this.#watches = Object.entries(options.teams).map(
      ([team, namespace]) =>
        new ConfigMapWatch(
          { name, api, account, namespace },
          {
            changed: (documents) => this.#take(team, namespace, documents),
            watched: (problem) => options.watched(team, problem),
          },
        ),
    );
  }

  /** False while a replica that starts would not know models that another serves. */
  get heard(): boolean {
    return this.#awaited.size === 0;
  }

  start(): void {
    for (const watch of this.#watches) watch.start();
    this.#timer = setTimeout(() => this.#awaited.clear(), patience).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watch of this.#watches) watch.close();
  }

  /** How many of a team's documents say something that isn't in force. */
  refused(team: string): number {
    const mistaken = [...(this.#known.get(team) ?? [])].filter(([, { mistake }]) => mistake !== undefined);
    const displaced = [...this.#displaced].filter((key) => key.startsWith(`${team}/`));
    return mistaken.length + displaced.length;
  }

  /** The platform's routes, and those of teams for every other model by `<team>/<model>`: no name has a slash. */
  beside(platform: RoutesConfig): RoutesConfig {
    const models: Record<string, ModelConfig> = { ...platform.models };
    const displaced = new Set<string>();
    for (const [team, documents] of [...this.#known].sort(([a], [b]) => a.localeCompare(b)))
      for (const [model, { config }] of documents) {
        const key = `${team}/${model}`;
        if (config === undefined) continue;
        if (platform.models[model] === undefined) {
          models[key] = config;
          continue;
        }
        displaced.add(key);
        if (!this.#displaced.has(key))
          this.#options.refused(team, `${model}: the platform routes a model of this name`);
      }
    this.#displaced = displaced;
    return { models };
  }

  #take(team: string, namespace: string, documents: Documents): void {
    const before = this.#known.get(team);
    const next = new Map<string, Known>();
    const models = Object.keys(documents)
      .filter((key) => key.endsWith(suffix))
      .map((key) => key.slice(0, -suffix.length));
    // Who is over the bound is the newcomer, not what is asked already.
    const served = (model: string): number => (before?.get(model)?.config === undefined ? 1 : 0);
    let routes = 0;
    for (const model of models.sort((a, b) => served(a) - served(b) || a.localeCompare(b))) {
      const text = documents[`${model}${suffix}`] ?? '';
      const last = before?.get(model);
      const again = last?.text === text && last.mistake !== tooMany;
      const change = { model, text, last };
      const found =
        routes >= bounds.routes
          ? this.#tooMany(team, change)
          : again
            ? last
            : this.#read(team, namespace, change);
      if (found.config !== undefined) routes += 1;
      next.set(model, found);
    }
    this.#known.set(team, next);
    this.#awaited.delete(team);
    // Each watch that begins anew tells the same again.
    const same =
      next.size === before?.size &&
      [...next].every(([model, { config }]) => before.get(model)?.config === config);
    if (!same) this.#options.changed();
  }

  /** What a document said before stays while it has a mistake. */
  #read(team: string, namespace: string, { model, text, last }: Change): Known {
    try {
      return { text, config: read(team, namespace, model, text), mistake: undefined };
    } catch (error) {
      const mistake = `${model}: ${error instanceof Error ? error.message : String(error)}`;
      this.#options.refused(team, mistake);
      return { text, config: last?.config, mistake };
    }
  }

  #tooMany(team: string, { model, text, last }: Change): Known {
    if (last?.mistake !== tooMany) this.#options.refused(team, `${model}: ${tooMany}`);
    return { text, config: undefined, mistake: tooMany };
  }
}
