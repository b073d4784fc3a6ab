import { createHash } from 'node:crypto';
import { z } from 'zod';
import { bearer, type Client, Unanswered } from './client.ts';

const given = z.object({ access_token: z.string() });

const runs = z.object({
  dag_runs: z.array(
    z.object({
      dag_id: z.string(),
      dag_run_id: z.string(),
      state: z.string(),
      run_type: z.string().default(''),
      start_date: z.string().nullish(),
      end_date: z.string().nullish(),
    }),
  ),
});

export interface PipelineRun {
  readonly dag: string;
  readonly state: string;
  /** `manual`, `scheduled` and so on. */
  readonly kind: string;
  readonly started: Date | undefined;
  readonly ended: Date | undefined;
  readonly url: string;
}

/** Airflow's own tokens end with the issuer's; one is used for this long. In milliseconds. */
const tokenLasts = 60_000;
const mostKept = 500;

/** Airflow, in the person's name: it exchanges the issuer's token for one of its own. */
export class Pipelines {
  readonly #client: Client;
  readonly #tokens = new Map<string, { readonly token: Promise<string>; readonly until: number }>();

  constructor(client: Client) {
    this.#client = client;
  }

  get url(): string {
    return this.#client.url;
  }

  /** The latest of every DAG that the person may see. Throws `Unanswered`. */
  async runs(token: string, limit: number): Promise<readonly PipelineRun[]> {
    const own = await this.#own(token);
    const path = `/api/v2/dags/~/dagRuns?order_by=-run_after&limit=${limit}`;
    const { dag_runs } = await this.#client.json(runs, path, { headers: bearer(own) });
    return dag_runs.map(({ dag_id, dag_run_id, state, run_type, start_date, end_date }) => ({
      dag: dag_id,
      state,
      kind: run_type,
      started: start_date == null ? undefined : new Date(start_date),
      ended: end_date == null ? undefined : new Date(end_date),
      url: `${this.url}/dags/${encodeURIComponent(dag_id)}/runs/${encodeURIComponent(dag_run_id)}`,
    }));
  }

  #own(token: string): Promise<string> {
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#tokens.get(key);
    if (known !== undefined && known.until > Date.now()) return known.token;
    const asked = this.#exchange(token);
    this.#tokens.delete(key);
    this.#tokens.set(key, { token: asked, until: Date.now() + tokenLasts });
    asked.catch(() => this.#tokens.delete(key));
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= mostKept) break;
      this.#tokens.delete(oldest);
    }
    return asked;
  }

  async #exchange(token: string): Promise<string> {
    try {
      const { access_token } = await this.#client.json(given, '/auth/token', {
        method: 'POST',
        headers: { ...bearer(token), 'content-type': 'application/json' },
        body: '{}',
      });
      return access_token;
    } catch (error) {
      if (error instanceof Unanswered && (error.status === 401 || error.status === 403))
        throw new Unanswered('Airflow gives you no token: you belong to no team that it knows', error.status);
      throw error;
    }
  }
}
