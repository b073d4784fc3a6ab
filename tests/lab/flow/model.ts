import { ask } from '../http.ts';
import { teamToken } from '../sign-in.ts';
import { askPrometheus, endpoint, eventually, kubectlJson } from '../support.ts';

export interface Rollout {
  readonly version: string;
  readonly phase: string;
  readonly outcome: string | null;
  readonly reason: string | null;
}

export interface Story {
  readonly model: { readonly serving: string | null };
  readonly rollouts: readonly Rollout[];
  readonly audit: readonly {
    readonly event: string;
    readonly detail: Readonly<Record<string, unknown>>;
  }[];
}

interface Retraining {
  readonly dag: string;
  readonly run: string;
  readonly state: string;
}

/** A registered model of a team, as the platform's services know it. */
export class ServedModel {
  readonly name: string;
  readonly team: string;

  constructor(name: string, team: string) {
    this.name = name;
    this.team = team;
  }

  /** Removes models from the registry, and waits until nothing serves this one any more. */
  async remove(...others: readonly string[]): Promise<void> {
    for (const name of [this.name, ...others]) {
      const url = `${endpoint('mlflow').url}/api/2.0/mlflow/registered-models/delete`;
      const headers = {
        authorization: `Bearer ${await teamToken(this.team)}`,
        'x-mlflow-workspace': this.team,
      };
      const { status, body } = await ask(url, { method: 'DELETE', json: { name }, headers });
      if (status !== 200 && status !== 404) throw new Error(`${name} isn't removed: ${status} ${body}`);
    }
    const selector = `plinth.dev/model=${this.name}`;
    await eventually(
      `nothing serves ${this.name}`,
      () =>
        kubectlJson<{ items: readonly unknown[] }>(['get', 'deployments', '-n', this.team, '-l', selector]),
      ({ items }) => items.length === 0,
      300,
    );
  }

  story(): Promise<Story> {
    return this.#promoter<Story>('rollouts');
  }

  /** Until the newest rollout is of this version, and over. */
  rolledOut(version: string, seconds = 600): Promise<Story> {
    return eventually(
      `the rollout of version ${version} is over`,
      () => this.story(),
      ({ rollouts }) => rollouts[0]?.version === version && rollouts[0].phase === 'done',
      seconds,
    );
  }

  /** Runs of DAGs that alerts of drift caused. */
  async retrainings(): Promise<readonly Retraining[]> {
    return (await this.#promoter<{ retrainings: readonly Retraining[] }>('retrainings')).retrainings;
  }

  /** Fields whose last window is further from the version's baseline than the threshold, by how much. */
  async drift(version: string): Promise<Readonly<Record<string, number>>> {
    const score = `plinth_drift_score{model="${this.name}",version="${version}"}`;
    const limit = 'max by (check) (plinth_drift_threshold)';
    const query = `max by (field) (${score} / on (check) group_left () ${limit} >= 1)`;
    const { data } = await askPrometheus<{
      data: { result: readonly { metric: { field: string }; value: readonly [number, string] }[] };
    }>(`/api/v1/query?query=${encodeURIComponent(query)}`);
    return Object.fromEntries(
      data.result.map(({ metric, value }) => [metric.field, Math.round(Number(value[1]) * 100) / 100]),
    );
  }

  /** How many windows of the version's requests were compared with its baseline. */
  async windows(version: string): Promise<number> {
    const query = `sum(plinth_drift_windows_total{model="${this.name}",version="${version}"})`;
    const { data } = await askPrometheus<{
      data: { result: readonly { value: readonly [number, string] }[] };
    }>(`/api/v1/query?query=${encodeURIComponent(query)}`);
    return Number(data.result[0]?.value[1] ?? 0);
  }

  async #promoter<T>(what: string): Promise<T> {
    const answer = await ask(`${endpoint('promoter').url}/models/${this.name}/${what}`, {
      headers: { authorization: `Bearer ${await teamToken(this.team)}` },
    });
    if (answer.status !== 200) throw new Error(`${what}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body) as T;
  }
}
