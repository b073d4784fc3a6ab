import type { RolloutRow, Store } from '../store/store.ts';
import type { Registry } from './ports.ts';

/** In milliseconds. */
const firstPause = 10_000;
const longestPause = 600_000;

/**
 * Writes outcomes into the registry, where whoever trained the version looks. What can't be told now is told later, and
 * keeps nobody else's from being told.
 */
export class Outcomes {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #now: () => number;
  /** By rollout: those that could not be told, and when they are tried again. */
  readonly #later = new Map<string, { readonly at: number; readonly pause: number }>();

  constructor(store: Store, registry: Registry, now: () => number) {
    this.#store = store;
    this.#registry = registry;
    this.#now = now;
  }

  /** Resolves to what failed. */
  async tell(): Promise<readonly unknown[]> {
    const failures: unknown[] = [];
    // A workspace that doesn't answer isn't asked for each of its models.
    const silent = new Set<string>();
    const waiting = [...this.#later].filter(([, { at }]) => at > this.#now()).map(([id]) => id);
    for (const row of await this.#store.toTell(waiting)) {
      if (silent.has(row.team)) continue;
      try {
        await this.#tell(row);
        this.#later.delete(row.id);
      } catch (error) {
        failures.push(error);
        silent.add(row.team);
        const pause = Math.min((this.#later.get(row.id)?.pause ?? firstPause / 2) * 2, longestPause);
        this.#later.set(row.id, { at: this.#now() + pause, pause });
      }
    }
    return failures;
  }

  async #tell({ id, team, model, version, outcome, reason, finishedAt }: RolloutRow): Promise<void> {
    await this.#registry.tag(team, model, version, {
      'plinth.rollout': outcome ?? '',
      'plinth.rollout.reason': reason ?? '',
      'plinth.rollout.finished': finishedAt?.toISOString() ?? '',
    });
    await this.#store.told(id);
  }
}
