import { ask } from '../http.ts';
import { over, queried, type Story, tokenOf } from '../rollouts.ts';
import { askPrometheus, endpoint, eventually, kubectlJson } from '../support.ts';

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
        authorization: `Bearer ${await tokenOf(this.team)}`,
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

  /** Until the newest rollout is of this version, and over. */
  rolledOut(version: string): Promise<Story> {
    return over(this.team, this.name, version);
  }

  /** Runs of DAGs that alerts of drift caused. */
  async retrainings(): Promise<readonly Retraining[]> {
    const answer = await ask(`${endpoint('promoter').url}/models/${this.name}/retrainings`, {
      headers: { authorization: `Bearer ${await tokenOf(this.team)}` },
    });
    if (answer.status !== 200) throw new Error(`retrainings: ${answer.status} ${answer.body}`);
    return (JSON.parse(answer.body) as { retrainings: readonly Retraining[] }).retrainings;
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
  windows(version: string): Promise<number> {
    return queried(`sum(plinth_drift_windows_total{model="${this.name}",version="${version}"})`);
  }
}
