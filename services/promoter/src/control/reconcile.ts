import type { Logger } from 'pino';
import { objectName } from '../domain/desired.ts';
import { type PolicyFile, policyOf } from '../domain/policy.ts';
import type { Store } from '../store/store.ts';
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

/**
 * Compares what aliases say with what was acted upon. Everything that an event can tell is found here as well, so a
 * lost one costs a minute and nothing else.
 */
export class Reconciler {
  readonly #props: ReconcilerProps;
  /** What isn't the promoter's to serve, told once. */
  readonly #told = new Set<string>();

  constructor(props: ReconcilerProps) {
    this.#props = props;
  }

  /** All models of a team, those included that have left the registry. */
  async team(team: string): Promise<void> {
    const { store, registry } = this.#props;
    const found = await registry.models(team);
    for (const model of found) await this.model(team, model);
    const names = new Set(found.map(({ name }) => name));
    for (const row of await store.models()) {
      if (row.team !== team || names.has(row.name)) continue;
      // A list may be short for other reasons than a deletion: ask for the one.
      if ((await registry.model(team, row.name)) !== undefined) continue;
      const why = 'the model has left the registry';
      if (await store.stop(row.name, why, 'registry')) continue;
      if (row.serving !== null && (await store.active(row.name)) === undefined) await store.withdraw(row);
    }
  }

  /** Begins, or ends, what the alias asks for. */
  async model(team: string, { name, champion }: RegisteredModel): Promise<void> {
    const { store, policies } = this.#props;
    if (policies.declared.includes(name))
      return this.#tell(team, name, champion, 'the environment deploys a model of this name itself');
    const row = await store.model(name);
    if (row !== undefined && row.team !== team)
      return this.#tell(team, name, champion, `team ${row.team} has a model of this name`);
    const active = await store.active(name);
    if (champion === undefined) {
      if (active !== undefined) await store.stop(name, 'the alias is gone', 'registry');
      else if (row !== undefined && row.acted !== null) await store.acted(name, null);
      return;
    }
    if (row?.acted === champion) return;
    if (active !== undefined) {
      await store.stop(name, `the alias names version ${champion} now`, 'registry');
      return;
    }
    if (row?.serving === champion) return store.acted(name, champion);
    await this.#begin(team, name, champion);
  }

  /**
   * The alias was set to the same version again: a wish to try once more, where the last try is over and failed
   * before the wish.
   */
  async again(name: string, version: string, at: number): Promise<void> {
    const { store } = this.#props;
    const row = await store.model(name);
    if (row === undefined || row.acted !== version || row.serving === version) return;
    const [last] = await store.rollouts(name, 1);
    const over = last?.finishedAt?.getTime();
    if (last?.version !== version || over === undefined || over >= at) return;
    await store.acted(name, null);
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
      requestedBy: 'registry',
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
