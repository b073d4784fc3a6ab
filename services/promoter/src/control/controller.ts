import type { Logger } from 'pino';
import { decide } from '../domain/decide.ts';
import { desired, settled } from '../domain/desired.ts';
import { type PolicyFile, policyOf } from '../domain/policy.ts';
import type { Observation } from '../domain/rollout.ts';
import type { Metrics } from '../metrics.ts';
import { Outdated, type RolloutRow, type Store } from '../store/store.ts';
import type { Cluster, Meter, Place } from './ports.ts';

export interface ControllerProps {
  readonly store: Store;
  readonly cluster: Cluster;
  readonly meter: Meter;
  readonly policies: PolicyFile;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** In milliseconds. */
  readonly now: () => number;
}

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
        if (!(await this.#once(model))) return;
      throw new Error(`${model}: ${mostDecisions} decisions without a pause`);
    });
  }

  /** Whether there is more to decide at once. */
  async #once(model: string): Promise<boolean> {
    const { store, cluster, policies, metrics, logger, now } = this.#props;
    const row = await store.model(model);
    if (row === undefined) return false;
    const place = this.#place(row.team, model);
    if (place === undefined) return false;
    const rollout = await store.active(model);
    const wanted = rollout === undefined ? settled(row.serving) : desired(rollout);
    await cluster.apply(place, wanted.versions);
    await cluster.route(place, wanted.route);
    if (rollout === undefined) {
      await cluster.prune(place, wanted.versions);
      return false;
    }
    // Known before the first of them, so that a rate over it isn't lost.
    for (const outcome of ['promoted', 'rolledBack']) metrics.rollouts.inc({ model, outcome }, 0);
    const { rollout: next, entries } = decide(
      rollout,
      await this.#observe(place, rollout, now()),
      policyOf(policies, model),
    );
    if (next === rollout) return false;
    try {
      await store.save(next, entries);
    } catch (error) {
      if (error instanceof Outdated) return true;
      throw error;
    }
    for (const { event, detail } of entries)
      logger.info({ model, version: rollout.version, rollout: rollout.id, event, ...detail }, 'decided');
    if (next.phase === 'done' && next.outcome !== null)
      metrics.rollouts.inc({ model, outcome: next.outcome });
    return true;
  }

  async #observe(place: Place, rollout: RolloutRow, now: number): Promise<Observation> {
    const { cluster, meter, policies } = this.#props;
    const { phase, since, model, version, stable } = rollout;
    if (phase === 'ending' || since === null) return { now, pods: { kind: 'absent' }, measured: undefined };
    const pods = await cluster.pods(place, version);
    const step = rollout.steps[rollout.step];
    if (phase !== 'step' || step === undefined) return { now, pods, measured: undefined };
    const { gates } = policyOf(policies, model);
    const seconds = Math.max(0, (now - since) / 1000);
    return { now, pods, measured: await meter.measure({ model, version, stable, step, seconds, gates }) };
  }

  #place(team: string, model: string): Place | undefined {
    const found = this.#props.policies.teams.find(({ name }) => name === team);
    // A team that was removed keeps what it has until somebody takes it away.
    return found === undefined ? undefined : { team, namespace: found.namespace, model };
  }
}
