import { request } from 'undici';
import { z } from 'zod';

/** What becomes of a wish for a run: Airflow has it, or won't for a reason that trying again doesn't change. */
export type Triggered = { readonly kind: 'there' } | { readonly kind: 'refused'; readonly reason: string };

/** DAGs, and runs of them. Whatever isn't an answer is thrown. */
export interface Pipelines {
  /** Undefined: there is none, or none that may be run. */
  dag(id: string): Promise<{ readonly paused: boolean } | undefined>;
  /** A run that hasn't ended, whoever wanted it. */
  unfinished(dag: string): Promise<string | undefined>;
  /** The same run again is the one that is there. */
  trigger(dag: string, run: string, conf: object): Promise<Triggered>;
}

export interface AirflowOptions {
  readonly url: string;
  /** The issuer's, which Airflow exchanges for its own. */
  readonly tokens: { token(): Promise<string>; renew(): void };
}

const exchanged = z.object({ access_token: z.string() });
const dagAnswer = z.object({ is_paused: z.boolean(), is_stale: z.boolean().default(false) });
const runs = z.object({ dag_runs: z.array(z.object({ dag_run_id: z.string() })) });

const milliseconds = 20_000;

/** Airflow's REST API. */
export class Airflow implements Pipelines {
  readonly #options: AirflowOptions;

  constructor(options: AirflowOptions) {
    this.#options = options;
  }

  async dag(id: string): Promise<{ readonly paused: boolean } | undefined> {
    const { status, body } = await this.#call(`/dags/${encodeURIComponent(id)}`);
    // A DAG that isn't there belongs to no team, so it is 403 to who belongs to some.
    if (status === 404 || status === 403) return undefined;
    const { is_paused: paused, is_stale: gone } = dagAnswer.parse(answered(`DAG ${id}`, status, body));
    return gone ? undefined : { paused };
  }

  async unfinished(dag: string): Promise<string | undefined> {
    const query = 'state=queued&state=running&limit=1';
    const { status, body } = await this.#call(`/dags/${encodeURIComponent(dag)}/dagRuns?${query}`);
    return runs.parse(answered(`runs of ${dag}`, status, body)).dag_runs[0]?.dag_run_id;
  }

  async trigger(dag: string, run: string, conf: object): Promise<Triggered> {
    const wanted = { dag_run_id: run, logical_date: null, conf };
    const { status, body } = await this.#call(`/dags/${encodeURIComponent(dag)}/dagRuns`, wanted);
    if (status === 409) return { kind: 'there' };
    if ([400, 403, 404, 422].includes(status))
      return { kind: 'refused', reason: `Airflow refuses a run of ${dag}: ${status} ${body.slice(0, 300)}` };
    answered(`a run of ${dag}`, status, body);
    return { kind: 'there' };
  }

  async #call(path: string, json?: object): Promise<{ readonly status: number; readonly body: string }> {
    const answer = await request(`${this.#options.url}/api/v2${path}`, {
      method: json === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${await this.#token()}`,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: json === undefined ? null : JSON.stringify(json),
      headersTimeout: milliseconds,
      bodyTimeout: milliseconds,
    });
    return { status: answer.statusCode, body: await answer.body.text() };
  }

  /** Asked for each time: alerts are rare, and it says who belongs to which team by now. */
  async #token(): Promise<string> {
    const { url, tokens } = this.#options;
    const answer = await request(`${url}/auth/token`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await tokens.token()}`, 'content-type': 'application/json' },
      body: '{}',
      headersTimeout: milliseconds,
      bodyTimeout: milliseconds,
    });
    const body = await answer.body.text();
    if (answer.statusCode === 401) tokens.renew();
    return exchanged.parse(answered('a token', answer.statusCode, body)).access_token;
  }
}

const answered = (what: string, status: number, body: string): unknown => {
  if (status >= 200 && status < 300) return JSON.parse(body);
  throw new Error(`Airflow, asked for ${what}: ${status} ${body.slice(0, 300)}`);
};
