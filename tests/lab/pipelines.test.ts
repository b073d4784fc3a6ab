import { environments } from '../../environments/index.ts';
import { holdsAlone } from '../alone.ts';
import {
  api,
  ended,
  exchanged,
  Member,
  namesOf,
  newRun,
  returned,
  runOf,
  started,
  taskNow,
  tasksOf,
  tokenFor,
} from './airflow.ts';
import { ask } from './http.ts';
import { Session } from './session.ts';
import { leftOfSessions } from './spark-pods.ts';
import { client, credentials, endpoint, eventually, kubectl, kubectlJson, type PodList } from './support.ts';

jest.setTimeout(20 * 60_000);

const ofTeamA = '/dags/team-a.hello';

/** The team's bucket, with the team's own key. */
const s3 = async <T>(...args: readonly string[]): Promise<T> => {
  const { username, password } = credentials('s3-team-a');
  const env = { S3_URL: endpoint('s3').url, AWS_ACCESS_KEY_ID: username, AWS_SECRET_ACCESS_KEY: password };
  return (JSON.parse(await client('s3_access.py', args, env)) as { answer: T }).answer;
};

/** A task's pod puts its log there last, when its run may have ended already. */
const logKeys = (made: string, task: string): Promise<readonly string[]> => {
  const id = runOf(made);
  return eventually(
    `the log of ${task}`,
    async () => {
      const keys = await s3<readonly string[]>('list', 'team-a');
      return keys.filter(
        (key) => key.startsWith('airflow-logs/') && key.includes(id) && key.includes(`task_id=${task}/`),
      );
    },
    ({ length }) => length > 0,
  );
};

/** What of the example's applications is still there. */
const nothingIsLeft = (): Promise<readonly string[]> =>
  eventually(
    'nothing is left of the application',
    async () => {
      const found = await kubectl(['get', 'sparkapplications', '-n', 'team-a', '-o', 'name']);
      const applications = found.split('\n').filter((name) => name.includes('/team-a-delays-'));
      return [...applications, ...(await applicationPods('team-a-delays-'))];
    },
    ({ length }) => length === 0,
  );

/** Driver and executors of a DAG's applications that are there at the moment, by name. */
const applicationPods = async (dag: string): Promise<readonly string[]> => {
  const { items } = await kubectlJson<PodList>(['get', 'pods', '-n', 'team-a', '-l', 'spark-role']);
  return items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(dag));
};

holdsAlone('accounts');

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
    expect((await b.ask(`${ofTeamA}/dagRuns`, newRun)).status).toBe(403);
    expect((await b.ask('/connections')).status).toBe(403);
    expect((await new Session().ask(api(ofTeamA))).status).toBe(401);
  });

  test("a member's run ends in success, in pods of the team's namespace", async () => {
    made = await started(a, ofTeamA);
    const end = await ended(a, made);
    const tasks = await tasksOf(a, made);
    expect(end).toBe('success');
    expect(tasks).toHaveLength(2);
    for (const { hostname } of tasks) {
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
    const keys = await logKeys(made, 'total');
    expect(keys).toHaveLength(1);
    expect(await s3<string>('get', 'team-a', keys[0] ?? '')).toContain('the sum is 45');
    const log = `${made}/taskInstances/total/logs/1?full_content=true`;
    expect(JSON.stringify((await a.ask(log)).body)).toContain('the sum is 45');
    expect((await b.ask(log)).status).toBe(403);
  });

  describe('a pipeline with Spark', () => {
    const seen = new Set<string>();
    let delays = '';

    test('ends in success, with a driver and an executor in the namespace of its team', async () => {
      delays = await started(a, '/dags/team-a.delays');
      const end = await ended(a, delays, async () => {
        for (const name of await applicationPods('team-a-delays-means-')) seen.add(name);
      });
      const tasks = await tasksOf(a, delays);
      expect(end).toBe('success');
      expect(tasks.map(({ task_id: id, state }) => `${id} ${state}`).sort()).toEqual([
        'flights success',
        'means success',
        'worst success',
      ]);
      expect([...seen].filter((name) => name.endsWith('-driver'))).toHaveLength(1);
      expect([...seen].filter((name) => /-exec-\d+$/.test(name)).length).toBeGreaterThan(0);
    });

    test("has the driver's log in its own, in the team's bucket", async () => {
      const [key = ''] = await logKeys(delays, 'means');
      expect(await s3<string>('get', 'team-a', key)).toContain('7000 flights from 10 airports');
    });

    test("reads by S3 what Spark wrote, and logs it to MLflow with the team's own token", async () => {
      const value = (await returned(a, delays, 'worst')) as { readonly run: string };
      expect(value).toMatchObject({ airports: 10, worst_delay: 12 });
      expect(JSON.parse(await client('read_metrics.py', [value.run]))).toEqual({ worst_delay: 12 });
    });

    test('leaves nothing of Spark', async () => {
      expect(await nothingIsLeft()).toEqual([]);
    });

    test.each(['marked failed', 'killed'])('takes its application along when its task is %s', async (how) => {
      // What the task before it wrote is there still: this one alone runs again.
      const task = 'means';
      const body = { dry_run: false, task_ids: [task], dag_run_id: runOf(delays), only_failed: false };
      expect((await a.ask('/dags/team-a.delays/clearTaskInstances', body)).status).toBe(200);
      await eventually(
        'its executor runs',
        () => applicationPods('team-a-delays-means-'),
        (pods) => pods.some((name) => /-exec-\d+$/.test(name)),
        300,
      );
      const { hostname, try_number: attempt } = await taskNow(a, delays, task);
      if (how === 'killed')
        await kubectl(['delete', 'pod', '-n', 'team-a', hostname, '--grace-period=0', '--force']);
      else await a.ask(`${delays}/taskInstances/${task}`, { new_state: 'failed' }, 'PATCH');
      expect(await nothingIsLeft()).toEqual([]);
      const { state } = await eventually(
        'the task has failed',
        () => taskNow(a, delays, task),
        ({ state: now }) => now !== 'running',
      );
      expect(state).toBe('failed');
      // Or else it would have been removed because it was done.
      const log = await a.ask(`${delays}/taskInstances/${task}/logs/${attempt}?full_content=true`);
      expect(JSON.stringify(log.body)).not.toContain('COMPLETED');
    });
  });

  test('a task has a session of Spark by one line, and nothing of it is left', async () => {
    const run = await started(a, '/dags/team-a.session');
    const end = await ended(a, run);
    const [task] = await tasksOf(a, run);
    expect(end).toBe('success');
    expect(await returned(a, run, 'total')).toBe(499_999_500_000);
    expect(task?.hostname).toMatch(/^team-a-session-/);
    expect(
      await eventually(
        'all is gone',
        () => leftOfSessions('team-a', task?.hostname),
        ({ length }) => length === 0,
      ),
    ).toEqual([]);
  });

  test("a program signs in with its team's credentials, to the team's DAGs alone", async () => {
    const { status, body } = await tokenFor('team-b');
    expect(status).toBe(201);
    const headers = { authorization: `Bearer ${body.access_token}` };
    const statusOf = async (path: string): Promise<number> => (await ask(api(path), { headers })).status;
    expect(await statusOf('/dags/team-b.hello')).toBe(200);
    expect(await statusOf(ofTeamA)).toBe(403);
    expect(await statusOf('/connections')).toBe(403);
    expect((await exchanged('not.a.token')).status).toBe(401);
    expect((await exchanged(body.access_token)).status).toBe(401);
  });

  test("who administers the platform sees every team's DAGs", async () => {
    const names = await namesOf(new Member('platform-admin'));
    expect(names).toEqual(expect.arrayContaining(['team-a.hello', 'team-b.hello']));
  });
});
