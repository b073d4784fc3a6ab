import type { Platform, Team } from '../platform.ts';
import type { Rights } from '../session/person.ts';
import type { Cluster } from '../upstreams/cluster.ts';
import type { Hub, Notebook } from '../upstreams/hub.ts';
import type { Pod, Quota } from '../upstreams/objects.ts';
import type { PipelineRun, Pipelines } from '../upstreams/pipelines.ts';
import type { Promoter } from '../upstreams/promoter.ts';
import type { Registry } from '../upstreams/registry.ts';
import type { Series } from '../upstreams/series.ts';
import { type Attempt, attempt, gathered } from './attempt.ts';
import { Fresh } from './fresh.ts';
import { byUrgency, type Health, healthOf, needsPods } from './health.ts';
import { type Model, modelsOf, queries, type Samples } from './models.ts';
import { type Use, usesOf } from './quota.ts';
import { type SparkSession, sparkSessions } from './spark.ts';

/** Who is asked; undefined: the environment has none. */
export interface Upstreams {
  readonly cluster: Cluster;
  readonly hub: Hub | undefined;
  readonly registry: Registry | undefined;
  readonly pipelines: Pipelines | undefined;
  readonly promoter: Promoter | undefined;
  /** The view of teams' own series, and administrators' of all. */
  readonly series: Series | undefined;
  readonly allSeries: Series | undefined;
}

/** Something of several sources: what was there, and a sentence for each that didn't answer. */
export interface Partial<T> {
  readonly items: readonly T[];
  readonly notes: readonly string[];
}

export interface TeamQuota {
  readonly team: string;
  readonly uses: Attempt<readonly Use[]>;
}

/** All that the page shows one person, and nothing that isn't theirs to see. */
export interface Overview {
  readonly health: Partial<Health>;
  readonly notebooks: Attempt<readonly Notebook[]> | undefined;
  readonly sparks: Partial<SparkSession>;
  readonly models: Partial<Model> | undefined;
  readonly runs: Attempt<readonly PipelineRun[]> | undefined;
  readonly quotas: readonly TeamQuota[];
}

const runsShown = 8;

/** How old what the cluster said may be when it is shown. In milliseconds. */
const freshness = 5000;

export class Overviews {
  readonly #upstreams: Upstreams;
  readonly #platform: Platform;
  readonly #health = new Fresh<readonly Health[]>(freshness);
  readonly #pods = new Fresh<readonly Pod[]>(freshness);
  readonly #quotas = new Fresh<readonly Quota[]>(freshness);

  constructor(upstreams: Upstreams, platform: Platform) {
    this.#upstreams = upstreams;
    this.#platform = platform;
  }

  /** Asks everybody at once. `token` is the person's own. */
  async of(rights: Rights, token: string): Promise<Overview> {
    const { hub, pipelines, promoter, registry } = this.#upstreams;
    const [health, notebooks, sparks, models, runs, quotas] = await Promise.all([
      this.#healthOf(rights),
      hub && attempt(() => hub.notebooks(rights.person.name)),
      this.sparks(rights),
      promoter === undefined && registry === undefined ? undefined : this.#models(rights, token),
      pipelines && attempt(() => pipelines.runs(token, runsShown)),
      Promise.all(rights.teams.map((team) => this.#quotaOf(team))),
    ]);
    return { health, notebooks, sparks, models, runs, quotas };
  }

  /** Sessions of the person's teams. */
  async sparks(rights: Rights): Promise<Partial<SparkSession>> {
    const { values, notes } = gathered(
      await Promise.all(
        rights.teams.map((team) =>
          attempt(async () => sparkSessions(team, await this.#podsOf(team.namespace))),
        ),
      ),
    );
    return { items: values.flat(), notes };
  }

  /** Pods of this namespace were changed from here. */
  changed(namespace: string): void {
    this.#pods.forget(namespace);
    this.#health.forget(namespace);
  }

  /** Which series a person's questions are asked of. */
  seriesOf(rights: Rights): Series | undefined {
    const { series, allSeries } = this.#upstreams;
    return rights.administers ? (allSeries ?? series) : series;
  }

  #podsOf(namespace: string): Promise<readonly Pod[]> {
    return this.#pods.get(namespace, () => this.#upstreams.cluster.pods(namespace));
  }

  async #healthOf(rights: Rights): Promise<Partial<Health>> {
    const namespaces = [...this.#platform.namespaces, ...rights.teams.map(({ namespace }) => namespace)];
    const { values, notes } = gathered(
      await Promise.all(
        [...new Set(namespaces)].map((namespace) =>
          attempt(() =>
            this.#health.get(namespace, async () => {
              const state = await this.#upstreams.cluster.state(namespace);
              return healthOf(state, needsPods(state) ? await this.#podsOf(namespace) : []);
            }),
          ),
        ),
      ),
    );
    return { items: values.flat().sort(byUrgency), notes };
  }

  async #quotaOf({ name, namespace }: Team): Promise<TeamQuota> {
    const uses = await attempt(async () =>
      usesOf(await this.#quotas.get(namespace, () => this.#upstreams.cluster.quotas(namespace))),
    );
    return { team: name, uses };
  }

  async #models(rights: Rights, token: string): Promise<Partial<Model>> {
    const { promoter, registry } = this.#upstreams;
    const none = { kind: 'there', value: [] } as const;
    const [served, registered, samples] = await Promise.all([
      promoter === undefined ? none : attempt(() => promoter.models(token)),
      Promise.all(
        registry === undefined
          ? []
          : rights.teams.map(({ name }) => attempt(() => registry.models(token, name))),
      ),
      attempt(() => this.#samples(rights, token)),
    ]);
    const found = gathered(registered);
    return {
      items: modelsOf({
        // The promoter has decided what the person may see; this holds should it be wrong.
        served: gathered([served])
          .values.flat()
          .filter(({ team }) => rights.sees(team)),
        registered: found.values.flat(),
        samples: samples.kind === 'there' ? samples.value : undefined,
      }),
      notes: [...gathered([served]).notes, ...found.notes, ...gathered([samples]).notes],
    };
  }

  async #samples(rights: Rights, token: string): Promise<Samples | undefined> {
    const series = this.seriesOf(rights);
    if (series === undefined) return undefined;
    const asked = Object.entries(queries).map(
      async ([name, query]) => [name, await series.now(token, query)] as const,
    );
    return Object.fromEntries(await Promise.all(asked)) as unknown as Samples;
  }
}
