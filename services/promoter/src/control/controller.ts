import type { Logger } from 'pino';
import { decide } from '../domain/decide.ts';
import { desired, exposureOf, settled } from '../domain/desired.ts';
import { type PolicyFile, policyOf } from '../domain/policy.ts';
import { type Measured, type Observation, unlabelled } from '../domain/rollout.ts';
import { Outdated, type RolloutRow, type Store } from '../store/store.ts';
import type { Cluster, Meter, Place } from './ports.ts';

export interface ControllerProps {
  readonly store: Store;
  readonly cluster: Cluster;
  readonly meter: Meter;
  readonly policies: PolicyFile;
  readonly logger: Logger;
  /** In milliseconds. */
  readonly now: () => number;
}

/** Before it is shown to anybody there is nothing to measure of it. */
const unasked = (now: number): Measured => ({
  ...{ requests: 0, failures: 0, differing: 0, seconds: null, stableSeconds: null },
  ...{ labelled: unlabelled, stableLabelled: unlabelled, until: now },
});

/** More decisions than any rollout takes: what exceeds it goes round in circles. */
const mostDecisions = 100;

/**
 * Brings one model a little further: makes what its rollout wants, looks, decides, writes down, and again until there
 * is something to wait for. It remembers nothing between two calls.
 */
export class Controller {
  readonly #props: ControllerProps;

  constructor(props: ControllerProps) {
    this.#props = props;
  }

  /** False where somebody else is at the model. */
  async tick(model: string): Promise<boolean> {
    return this.#props.store.withModel(model, async () => {
      for (let decisions = 0; decisions < mostDecisions; decisions += 1)
        if (!(await this.#again(model))) return;
      throw new Error(`${model}: ${mostDecisions} decisions without a pause`);
    });
  }

  /** Whether there is more to decide at once, or somebody has changed what it is about. */
  async #again(model: string): Promise<boolean> {
    try {
      return await this.#once(model);
    } catch (error) {
      if (error instanceof Outdated) return true;
      throw error;
    }
  }

  async #once(model: string): Promise<boolean> {
    const { store, cluster, policies, logger, now } = this.#props;
    const mark = await store.mark(model);
    const row = await store.model(model);
    if (row === undefined) return false;
    const place = this.#place(row.team, model);
    if (place === undefined) return false;
    const rollout = await store.active(model);
    const wanted = rollout === undefined ? settled(row.serving) : desired(rollout);
    const current = async (): Promise<void> => {
      if ((await store.mark(model)) !== mark) throw new Outdated(`${model} has changed`);
    };
    await cluster.apply(place, wanted.versions);
    await cluster.route(place, wanted.route, current);
    if (rollout === undefined) {
      await current();
      await cluster.prune(place, wanted.versions);
      return false;
    }
    const { rollout: next, entries } = decide(
      rollout,
      await this.#observe(place, rollout, now()),
      policyOf(policies, model),
    );
    if (next === rollout) return false;
    await store.save(next, entries);
    for (const { event, detail } of entries)
      logger.info({ model, version: rollout.version, rollout: rollout.id, event, ...detail }, 'decided');
    return true;
  }

  async #observe(place: Place, rollout: RolloutRow, now: number): Promise<Observation> {
    const { cluster, meter, policies } = this.#props;
    const { phase, since, model, version, stable } = rollout;
    if (phase === 'ending' || since === null) return { now, pods: { kind: 'absent' }, measured: undefined };
    const pods = await cluster.pods(place, version);
    if (phase !== 'step') return { now, pods, measured: undefined };
    const step = exposureOf(rollout);
    const { gates } = policyOf(policies, model);
    const measured =
      step === undefined
        ? unasked(now)
        : await meter.measure({ team: place.team, model, version, stable, step, since, gates });
    return { now, pods, measured };
  }

  #place(team: string, model: string): Place | undefined {
    const found = this.#props.policies.teams.find(({ name }) => name === team);
    // A team that was removed keeps what it has until somebody takes it away.
    return found === undefined ? undefined : { team, namespace: found.namespace, model };
  }
}
