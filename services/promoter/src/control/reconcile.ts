import type { Logger } from 'pino';
import { objectName } from '../domain/desired.ts';
import { type PolicyFile, policyOf } from '../domain/policy.ts';
import { byAlias, type Store } from '../store/store.ts';
import type { RegisteredModel, Registry } from './ports.ts';

export interface ReconcilerProps {
  readonly store: Store;
  readonly registry: Registry;
  readonly policies: PolicyFile;
  readonly logger: Logger;
}

/** Kubernetes' limit for names of Services and values of labels. */
const longest = 63;

const unservable = (name: string, version: string): string | undefined => {
  if (name === 'routes') return 'routes is what the gateway calls its own; name the model otherwise';
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))
    return `${name} can't be an address; name the model with lower-case letters, digits and hyphens`;
  if (objectName(name, version).length > longest)
    return `${objectName(name, version)} has more than ${longest} characters; give the model a shorter name`;
  return undefined;
};

/** Somebody has set the alias of a model to this version, at this time in milliseconds. */
export interface Wish {
  readonly version: string;
  readonly at: number;
}

/**
 * Compares what aliases say with what was acted upon. Everything that an event can tell is found here as well, so a
 * lost one costs a minute and nothing else; all but a wish to try the same version once more, which only an event tells.
 */
export class Reconciler {
  readonly #props: ReconcilerProps;
  /** What isn't the promoter's to serve, told once. */
  readonly #told = new Set<string>();
  /** Looks at models, one after the other for each. */
  readonly #looks = new Map<string, Promise<void>>();

  constructor(props: ReconcilerProps) {
    this.#props = props;
  }

  /** All models of a team, those included that have left the registry. One that fails keeps no other from its turn. */
  async team(team: string): Promise<void> {
    const { store, registry } = this.#props;
    const found = await registry.models(team);
    const names = new Set(found.map(({ name }) => name));
    const rows = (await store.models()).filter((row) => row.team === team);
    // A list may be short for other reasons than a deletion: the look asks for the one.
    const gone = rows.filter(({ name }) => !names.has(name)).map(({ name }) => name);
    const acted = new Map(rows.map(({ name, acted }) => [name, acted]));
    const moved = found.filter(({ name, champion }) => (acted.get(name) ?? undefined) !== champion);
    const failures: unknown[] = [];
    for (const name of [...moved.map((each) => each.name), ...gone])
      await this.look(team, name).catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  /**
   * Reads what the alias says and acts upon it, as one: what was read before somebody else acted could undo what the
   * alias has said since.
   */
  look(team: string, name: string, wish?: Wish): Promise<void> {
    const before = this.#looks.get(name) ?? Promise.resolve();
    const look = before
      .catch(() => {})
      .then(async () => {
        // Where another process is at it, it reads no later than now, or the next look does.
        await this.#props.store.withAlias(name, async () => {
          if (wish !== undefined) await this.#again(name, wish);
          const found = await this.#props.registry.model(team, name);
          if (found === undefined) await this.#left(team, name);
          else await this.#act(team, found);
        });
      })
      .finally(() => {
        if (this.#looks.get(name) === look) this.#looks.delete(name);
      });
    this.#looks.set(name, look);
    return look;
  }

  async #left(team: string, name: string): Promise<void> {
    const { store } = this.#props;
    const row = await store.model(name);
    if (row === undefined || row.team !== team) return;
    if (await store.stop(name, 'the model has left the registry', byAlias)) return;
    const known = row.serving !== null || row.acted !== null;
    if (known && (await store.active(name)) === undefined) await store.withdraw(row);
  }

  /** Begins, or ends, what the alias asks for. */
  async #act(team: string, { name, champion }: RegisteredModel): Promise<void> {
    const { store, policies } = this.#props;
    if (policies.declared.includes(name))
      return this.#tell(team, name, champion, 'the environment deploys a model of this name itself');
    const row = await store.model(name);
    const active = await store.active(name);
    const free = row?.serving === null && row.acted === null && active === undefined;
    if (row !== undefined && row.team !== team && !free)
      return this.#tell(team, name, champion, `team ${row.team} has a model of this name`);
    if (champion === undefined) {
      if (active !== undefined) await store.stop(name, 'the alias is gone', byAlias);
      else if (row !== undefined && row.acted !== null) await store.acted(name, null);
      return;
    }
    if (row?.acted === champion) return;
    if (active !== undefined) {
      await store.stop(name, `the alias names version ${champion} now`, byAlias);
      return;
    }
    if (row?.serving === champion) return store.acted(name, champion);
    await this.#begin(team, name, champion);
  }

  /**
   * The alias was set to the same version again, after the rollout that it had asked for began: a wish to try once
   * more, unless that is still under way.
   */
  async #again(name: string, { version, at }: Wish): Promise<void> {
    const { store } = this.#props;
    const row = await store.model(name);
    if (row === undefined || row.acted !== version || row.serving === version) return;
    const active = await store.active(name);
    if (active?.version === version && active.outcome !== 'rolledBack') return;
    const asked = await store.history.asked(name, version);
    if (asked !== undefined && asked.createdAt.getTime() < at) await store.acted(name, null);
  }

  async #begin(team: string, name: string, version: string): Promise<void> {
    const { store, registry, policies } = this.#props;
    const found = await registry.version(team, name, version);
    // It was there when the alias was read; the next look tells.
    if (found === undefined) return;
    const refusal = unservable(name, version) ?? (found.ready ? undefined : 'the version has no files yet');
    await store.begin({
      team,
      model: name,
      version,
      runId: found.runId,
      source: found.source,
      requestedBy: byAlias,
      steps: policyOf(policies, name).steps,
      byAlias: true,
      ...(refusal === undefined ? {} : { refusal }),
    });
  }

  #tell(team: string, name: string, version: string | undefined, reason: string): void {
    const key = `${team}/${name}`;
    if (version === undefined || this.#told.has(key)) return;
    this.#told.add(key);
    this.#props.logger.warn({ team, model: name, version, reason }, 'not served');
  }
}
