import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Run {
  readonly dag_run_id: string;
  readonly conf: Readonly<Record<string, unknown>>;
  state: string;
}

/** As much of Airflow's API as is asked, with DAGs of a team and their runs; it outlives who asks. */
export class StubAirflow {
  readonly runs = new Map<string, Run[]>();
  readonly paused = new Set<string>();
  /** No file has these any more. */
  readonly stale = new Set<string>();
  /** Answers with this status instead of doing anything. */
  failing: number | undefined;
  /** Takes the next run, and then doesn't answer: as a process sees it that is killed in between. */
  silent = false;
  readonly asked: string[] = [];
  #server: Server | undefined;

  constructor(...dags: readonly string[]) {
    for (const dag of dags) this.runs.set(dag, []);
  }

  async start(): Promise<string> {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const url = new URL(request.url ?? '', 'http://airflow');
        this.asked.push(`${request.method} ${url.pathname}`);
        const [status, answer] = this.#answer(url, request.headers.authorization, body);
        if (status === 0) return response.destroy();
        return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => this.#server?.once('listening', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server?.closeAllConnections();
      this.#server?.close(() => resolve());
    });
  }

  #answer(url: URL, authorization: string | undefined, body: string): readonly [number, object] {
    if (this.failing !== undefined) return [this.failing, { detail: 'failing' }];
    if (url.pathname === '/auth/token')
      return authorization === 'Bearer issued' ? [201, { access_token: 'exchanged' }] : [401, {}];
    if (authorization !== 'Bearer exchanged') return [401, {}];
    const [, dag = '', tail] = /^\/api\/v2\/dags\/([^/]+)(\/dagRuns)?$/.exec(url.pathname) ?? [];
    const runs = this.runs.get(dag);
    // To a member of some teams a DAG that isn't there is one that isn't theirs.
    if (runs === undefined) return [403, { detail: 'Forbidden' }];
    if (tail === undefined)
      return [200, { dag_id: dag, is_paused: this.paused.has(dag), is_stale: this.stale.has(dag) }];
    if (body === '') {
      const states = url.searchParams.getAll('state');
      return [200, { dag_runs: runs.filter(({ state }) => states.includes(state)) }];
    }
    const { dag_run_id, conf } = JSON.parse(body) as Run;
    if (runs.some((run) => run.dag_run_id === dag_run_id)) return [409, { detail: 'there is one' }];
    runs.push({ dag_run_id, conf, state: 'queued' });
    if (!this.silent) return [200, { dag_run_id }];
    this.silent = false;
    return [0, {}];
  }
}
