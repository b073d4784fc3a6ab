import { pino } from 'pino';
import { Controller } from '../../src/control/controller.ts';
import type {
  Cluster,
  MeasureRequest,
  Meter,
  Place,
  RegisteredModel,
  RegisteredVersion,
  Registry,
} from '../../src/control/ports.ts';
import { Reconciler } from '../../src/control/reconcile.ts';
import { Outcomes } from '../../src/control/tell.ts';
import type { DesiredRoute } from '../../src/domain/desired.ts';
import type { PolicyFile } from '../../src/domain/policy.ts';
import { type Measured, type PodsState, unlabelled } from '../../src/domain/rollout.ts';
import type { Store } from '../../src/store/store.ts';

/** The process is killed: nothing of it goes on. */
export class Killed extends Error {}

export const good: Measured = {
  requests: 100,
  failures: 0,
  differing: 0,
  seconds: 0.02,
  stableSeconds: 0.02,
  labelled: unlabelled,
  stableLabelled: unlabelled,
  until: 0,
};
export const bad: Measured = { ...good, failures: 50 };

/** What is outside of the service and outlives it: a registry, a cluster, a Prometheus, and a clock. */
export class FakeWorld implements Registry, Cluster, Meter {
  readonly registered = new Map<string, Map<string, RegisteredModel>>();
  readonly tags = new Map<string, Readonly<Record<string, string>>>();
  readonly running = new Set<string>();
  readonly routes = new Map<string, DesiredRoute>();
  readonly history: string[] = [];
  readonly subscribed = new Set<string>();
  measured: Measured | undefined = good;
  asked: MeasureRequest | undefined;
  state: PodsState = { kind: 'ready' };
  now = Date.parse('2026-01-01T00:00:00Z');
  /** Calls until the process is killed; 0: never. */
  killAfter = 0;
  /** Before the call takes effect, or after. */
  killed: 'before' | 'after' = 'before';
  calls = 0;

  async #called<T>(work: () => T): Promise<T> {
    this.calls += 1;
    const dies = this.calls === this.killAfter;
    if (dies && this.killed === 'before') throw new Killed();
    const result = work();
    if (dies) throw new Killed();
    return result;
  }

  alias(team: string, name: string, champion: string | undefined): void {
    const models = this.registered.get(team) ?? new Map<string, RegisteredModel>();
    models.set(name, { name, champion });
    this.registered.set(team, models);
  }

  models(team: string): Promise<readonly RegisteredModel[]> {
    return this.#called(() => [...(this.registered.get(team)?.values() ?? [])]);
  }

  model(team: string, name: string): Promise<RegisteredModel | undefined> {
    return this.#called(() => this.registered.get(team)?.get(name));
  }

  version(_team: string, _name: string, version: string): Promise<RegisteredVersion> {
    return this.#called(() => ({ runId: `run-${version}`, source: 'models:/m-1', ready: version !== '99' }));
  }

  tag(
    _team: string,
    name: string,
    version: string,
    tags: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    return this.#called(() => {
      this.tags.set(`${name}/${version}`, tags);
      return true;
    });
  }

  subscribe(team: string): Promise<void> {
    return this.#called(() => {
      this.subscribed.add(team);
    });
  }

  apply(place: Place, versions: readonly string[]): Promise<void> {
    return this.#called(() => {
      for (const version of versions) this.running.add(`${place.model}/${version}`);
    });
  }

  async route(place: Place, route: DesiredRoute | null, current: () => Promise<void>): Promise<void> {
    await current();
    return this.#called(() => {
      const text = (route?.versions ?? []).map(
        (each) => `${each.version}:${each.mirror ? 'm' : each.weight}`,
      );
      if (this.history.at(-1) !== text.join(' ')) this.history.push(text.join(' '));
      if (route === null) this.routes.delete(place.model);
      else this.routes.set(place.model, route);
      for (const { version } of route?.versions ?? [])
        if (!this.running.has(`${place.model}/${version}`))
          throw new Error(`${version} is asked and doesn't run`);
    });
  }

  pods(): Promise<PodsState> {
    return this.#called(() => this.state);
  }

  prune(place: Place, kept: readonly string[]): Promise<void> {
    return this.#called(() => {
      for (const each of this.running) {
        const [model, version = ''] = each.split('/');
        if (model !== place.model || kept.includes(version)) continue;
        if (this.routes.get(place.model)?.versions.some((routed) => routed.version === version))
          throw new Error(`${version} is asked and is taken away`);
        this.running.delete(each);
      }
    });
  }

  measure(request: MeasureRequest): Promise<Measured | undefined> {
    return this.#called(() => {
      this.asked = request;
      return this.measured && { ...this.measured, until: this.now };
    });
  }
}

const logger = pino({ level: 'silent' });

/** One process of the service; what it knows is in the store. */
export const processOf = (world: FakeWorld, store: Store, policies: PolicyFile) => {
  const controller = new Controller({
    ...{ store, policies, logger, cluster: world, meter: world },
    now: () => world.now,
  });
  const reconciler = new Reconciler({ store, policies, logger, registry: world });
  const outcomes = new Outcomes(store, world, () => world.now);
  return {
    controller,
    reconciler,
    /** Everything that it does in an interval. */
    async turn(): Promise<void> {
      for (const { name } of policies.teams) await reconciler.team(name);
      for (const { name } of await store.models()) await controller.tick(name);
      for (const failure of await outcomes.tell()) throw failure;
    },
  };
};
