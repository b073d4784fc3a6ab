import { ask } from './http.ts';
import { Session } from './session.ts';
import { machineToken } from './sign-in.ts';
import { credentials, eventually, secretValue } from './support.ts';

export const api = (path: string): string => `https://airflow.plinth.localhost/api/v2${path}`;

interface Asked<T> {
  readonly status: number;
  readonly body: T;
}

/** A person who has signed in, at Airflow's API. */
export class Member {
  readonly account: string;
  #session = new Session();
  #since = Number.NEGATIVE_INFINITY;

  constructor(account: string) {
    this.account = account;
  }

  /** `method` is POST where there is JSON, or else GET, unless told. */
  async ask<T>(path: string, json?: unknown, method?: string): Promise<Asked<T>> {
    // A session ends after four minutes.
    if (performance.now() - this.#since > 3 * 60_000) await this.#signIn();
    const page = await this.#session.ask(api(path), {
      ...(json === undefined ? {} : { json }),
      ...(method === undefined ? {} : { method }),
    });
    return { status: page.status, body: (page.body === '' ? null : JSON.parse(page.body)) as T };
  }

  async #signIn(): Promise<void> {
    this.#session = new Session();
    this.#since = performance.now();
    await this.#session.signIn(
      'https://airflow.plinth.localhost/auth/login/',
      credentials(`id-${this.account}`),
    );
  }
}

interface Dags {
  readonly dags: readonly { readonly dag_id: string }[];
}
export const namesOf = async (member: Member): Promise<readonly string[]> =>
  (await member.ask<Dags>('/dags?limit=100')).body.dags.map(({ dag_id: id }) => id).sort();

export const newRun = { logical_date: null };

/** Starts a run; resolves to its path. */
export const started = async (member: Member, dag: string): Promise<string> => {
  const { status, body } = await member.ask<{ dag_run_id: string }>(`${dag}/dagRuns`, newRun);
  expect(status).toBe(200);
  return `${dag}/dagRuns/${encodeURIComponent(body.dag_run_id)}`;
};

/** How a run ended. `watch` is called every second until then. */
export const ended = (
  member: Member,
  made: string,
  watch: () => Promise<unknown> = async () => undefined,
): Promise<string> =>
  eventually(
    `${made} ends`,
    async () => {
      await watch();
      return (await member.ask<{ state: string }>(made)).body.state;
    },
    (state) => ['success', 'failed'].includes(state),
    900,
  );

interface TaskInstance {
  readonly task_id: string;
  readonly state: string;
  readonly hostname: string;
  readonly try_number: number;
}
interface TaskInstances {
  readonly task_instances: readonly TaskInstance[];
}

/** How each task of a run ended, with the log of those that failed: what a reader of the test's report needs. */
export const tasksOf = async (member: Member, made: string): Promise<TaskInstances['task_instances']> => {
  const { body } = await member.ask<TaskInstances>(`${made}/taskInstances`);
  for (const { task_id: task, state, try_number: last } of body.task_instances)
    if (state === 'failed') {
      const log = await member.ask(`${made}/taskInstances/${task}/logs/${last}?full_content=true`);
      console.log(`${task} failed: ${JSON.stringify(log.body).slice(-6000)}`);
    }
  return body.task_instances;
};

/** The name of a run, of its path. */
export const runOf = (made: string): string => decodeURIComponent(made.split('/').at(-1) ?? '');

/** A task of a run as it is just now: its state, and the pod that it runs in. */
export const taskNow = async (member: Member, made: string, task: string): Promise<TaskInstance> =>
  (await member.ask<TaskInstance>(`${made}/taskInstances/${task}`)).body;

/** What a task of a run returned. */
export const returned = async (member: Member, made: string, task: string): Promise<unknown> => {
  const { body } = await member.ask<{ value: unknown }>(
    `${made}/taskInstances/${task}/xcomEntries/return_value`,
  );
  return typeof body.value === 'string' ? JSON.parse(body.value) : body.value;
};

/** What a program of a team asks Airflow: its own token of the issuer's opens the API for as long as it lasts. */
export const tokenFor = async (team: string): Promise<Asked<{ readonly access_token: string }>> => {
  const token = await machineToken('https://id.plinth.localhost/realms/plinth', {
    clientId: await secretValue(team, `${team}-oidc`, 'clientId'),
    clientSecret: await secretValue(team, `${team}-oidc`, 'clientSecret'),
  });
  return exchanged(token);
};

export const exchanged = async (token: string): Promise<Asked<{ readonly access_token: string }>> => {
  const headers = { authorization: `Bearer ${token}` };
  const { status, body } = await ask('https://airflow.plinth.localhost/auth/token', { json: {}, headers });
  return { status, body: JSON.parse(body) as { access_token: string } };
};
