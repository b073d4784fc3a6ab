import { parseRoute, parseRoutes, type RoutesConfig } from './config.ts';

/** Texts by key, as in the ConfigMap. */
export type Documents = Readonly<Record<string, string>>;

export interface RoutesEvents {
  applied(config: RoutesConfig): void;
  /** A document is missing, torn or wrong; what it said before stays. Called once for the same mistake. */
  refused(reason: string): void;
}

/** What the environment declares. The routes of one model each, under its name, win over it. */
const declared = 'routes.json';
const suffix = '.json';

interface Known {
  readonly text: string;
  readonly config: RoutesConfig;
  readonly mistake: string | undefined;
}

/**
 * Makes one configuration of several documents. They have different authors, so a mistake in one must neither stop
 * nor undo what another says.
 */
export class RoutesDocuments {
  readonly #events: RoutesEvents;
  #known = new Map<string, Known>();
  #missing = false;

  constructor(events: RoutesEvents) {
    this.#events = events;
  }

  /** Whether something that the documents say is not in force. */
  get refused(): boolean {
    return this.#missing || [...this.#known.values()].some(({ mistake }) => mistake !== undefined);
  }

  /** All documents there are: one that is left out is gone. */
  update(documents: Documents): void {
    const before = this.#known;
    const next = new Map<string, Known>();
    const mistakes: string[] = [];
    for (const [key, text] of Object.entries(documents)) {
      if (!key.endsWith(suffix)) continue;
      const found = read(key, text, before.get(key));
      next.set(key, found);
      if (found.mistake !== undefined && found.mistake !== before.get(key)?.mistake)
        mistakes.push(found.mistake);
    }
    const last = before.get(declared);
    const missing = !next.has(declared);
    // Absent for a moment while it is replaced, or by mistake: no reason to drop every model.
    if (missing && last !== undefined) next.set(declared, last);
    if (missing && !this.#missing) mistakes.push(`${declared} is missing`);
    this.#missing = missing;
    this.#known = next;
    const changed =
      next.size !== before.size || [...next].some(([key, { config }]) => before.get(key)?.config !== config);
    if (changed && next.has(declared)) this.#events.applied(merged(next));
    for (const mistake of mistakes) this.#events.refused(mistake);
  }
}

const nothing: RoutesConfig = { models: {} };

const read = (key: string, text: string, before: Known | undefined): Known => {
  if (before?.text === text) return before;
  try {
    const config = key === declared ? parseRoutes(text) : parseRoute(key.slice(0, -suffix.length), text);
    return { text, config, mistake: undefined };
  } catch (error) {
    const mistake = `${key}: ${error instanceof Error ? error.message : String(error)}`;
    return { text, config: before?.config ?? nothing, mistake };
  }
};

const merged = (documents: ReadonlyMap<string, Known>): RoutesConfig => {
  const own = [...documents].filter(([key]) => key !== declared).map(([, { config }]) => config.models);
  return { models: Object.assign({}, documents.get(declared)?.config.models, ...own) };
};
