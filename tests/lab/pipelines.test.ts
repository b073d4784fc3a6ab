import { environments } from '../../environments/index.ts';
import { Session } from './session.ts';
import { client, credentials, endpoint, eventually, kubectl } from './support.ts';

jest.setTimeout(15 * 60_000);

const api = (path: string): string => `https://airflow.plinth.localhost/api/v2${path}`;

interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/** A person who has signed in, at Airflow's API. */
class Member {
  readonly account: string;
  #session = new Session();
  #since = Number.NEGATIVE_INFINITY;

  constructor(account: string) {
    this.account = account;
  }

  async ask<T>(path: string, json?: unknown): Promise<Answer<T>> {
    // A session ends after four minutes.
    if (performance.now() - this.#since > 3 * 60_000) await this.#signIn();
    const page = await this.#session.ask(api(path), json === undefined ? {} : { json });
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
const namesOf = async (member: Member): Promise<readonly string[]> =>
  (await member.ask<Dags>('/dags?limit=100')).body.dags.map(({ dag_id: id }) => id).sort();

const run = { logical_date: null };
const ofTeamA = '/dags/team-a.hello';

(environments['local']?.airflow?.kind === 'on' ? describe : describe.skip)('pipelines', () => {
  const a = new Member('scientist-a');
  const b = new Member('scientist-b');
  let made = '';

  test('DAGs from git are there, each for its own team', async () => {
    const seen = await eventually(
      'the DAGs of team-a',
      () => namesOf(a),
      (names) => names.includes('team-a.hello'),
      300,
    );
    expect(seen.every((name) => name.startsWith('team-a.'))).toBe(true);
    const others = await eventually(
      'the DAGs of team-b',
      () => namesOf(b),
      (names) => names.length > 0,
    );
    expect(others.every((name) => name.startsWith('team-b.'))).toBe(true);
  });

  test("another team's member is refused its DAG, and so is somebody who hasn't signed in", async () => {
    expect((await b.ask(ofTeamA)).status).toBe(403);
    expect((await b.ask(`${ofTeamA}/dagRuns`)).status).toBe(403);
    expect((await b.ask(`${ofTeamA}/dagRuns`, run)).status).toBe(403);
    expect((await b.ask('/connections')).status).toBe(403);
    expect((await new Session().ask(api(ofTeamA))).status).toBe(401);
  });

  test("a member's run ends in success, in pods of the team's namespace", async () => {
    const started = await a.ask<{ dag_run_id: string }>(`${ofTeamA}/dagRuns`, run);
    expect(started.status).toBe(200);
    made = `${ofTeamA}/dagRuns/${encodeURIComponent(started.body.dag_run_id)}`;
    const ended = await eventually(
      'the run ends',
      async () => (await a.ask<{ state: string }>(made)).body.state,
      (state) => ['success', 'failed'].includes(state),
      600,
    );
    expect(ended).toBe('success');
    const { body } = await a.ask<{ task_instances: readonly { hostname: string }[] }>(
      `${made}/taskInstances`,
    );
    expect(body.task_instances).toHaveLength(2);
    for (const { hostname } of body.task_instances) {
      const [scheduled] = (
        await kubectl([
          'get',
          'events',
          '-n',
          'team-a',
          `--field-selector=involvedObject.name=${hostname}`,
          '-o',
          'name',
        ])
      ).split('\n');
      expect(scheduled).toMatch(/^event\//);
    }
  });

  test("its log is in the team's bucket, is read through Airflow by the team, and by no other", async () => {
    const { username, password } = credentials('s3-team-a');
    const env = { S3_URL: endpoint('s3').url, AWS_ACCESS_KEY_ID: username, AWS_SECRET_ACCESS_KEY: password };
    const s3 = async <T>(...args: readonly string[]): Promise<T> =>
      (JSON.parse(await client('s3_access.py', args, env)) as { answer: T }).answer;
    const id = decodeURIComponent(made.split('/').at(-1) ?? '');
    const keys = (await s3<readonly string[]>('list', 'team-a')).filter(
      (key) => key.startsWith('airflow-logs/') && key.includes(id) && key.includes('task_id=total'),
    );
    expect(keys).toHaveLength(1);
    expect(await s3<string>('get', 'team-a', keys[0] ?? '')).toContain('the sum is 45');
    const log = `${made}/taskInstances/total/logs/1?full_content=true`;
    expect(JSON.stringify((await a.ask(log)).body)).toContain('the sum is 45');
    expect((await b.ask(log)).status).toBe(403);
  });

  test("who administers the platform sees every team's DAGs", async () => {
    const names = await namesOf(new Member('platform-admin'));
    expect(names).toEqual(expect.arrayContaining(['team-a.hello', 'team-b.hello']));
  });
});
