import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environments } from '../../environments/index.ts';
import { holdsAlone } from '../alone.ts';
import { askKernel, hubToken, podsOf, runInKernel, start, stop } from './hub.ts';
import { leftOfSessions, sparkPods } from './spark-pods.ts';
import { client, eventually, kubectl, teamClient } from './support.ts';

jest.setTimeout(30 * 60_000);

const { notebooks, spark, mlflow } = environments['local'] ?? {};
const own = notebooks?.kind === 'on' && spark?.kind === 'on' && mlflow?.kind === 'on';

const person = { account: 'scientist-b', team: 'team-b' };
const code = readFileSync(join(import.meta.dirname, 'spark/in_notebook.py'), 'utf8');

interface Found {
  readonly sum: number;
  readonly workers: readonly string[];
  readonly written: number;
  readonly run: string;
}

const nothingIsLeft = (): Promise<readonly string[]> =>
  eventually(
    'nothing of the session is left',
    () => leftOfSessions(person.team),
    ({ length }) => length === 0,
    300,
  );

holdsAlone('server of scientist-b');

(own ? describe : describe.skip)('a notebook with Spark', () => {
  let token: string;
  beforeAll(async () => {
    token = await hubToken(person.account);
  });
  afterAll(async () => {
    if (token !== undefined) await stop(token, person);
  });

  describe('without a line of set-up', () => {
    let found: Found;
    let executors: readonly string[];
    beforeAll(async () => {
      await start(token, person);
      await nothingIsLeft();
      found = await askKernel<Found>(token, person.account, code, 'keep');
      executors = await sparkPods(person.team, 'executor');
    });

    test('sums a million rows on executors in the namespace of its team', () => {
      expect(found.sum).toBe(499_999_500_000);
      expect(executors.length).toBeGreaterThan(0);
    });

    test("runs its own Python functions in the executors' pods", () => {
      expect(found.workers.length).toBeGreaterThan(0);
      expect(executors).toEqual(expect.arrayContaining([...found.workers]));
    });

    test("writes parquet to the team's bucket through Spark, which pandas reads", () => {
      expect(found.written).toBe(1000);
    });

    test("logs to MLflow, where the team's other clients find it", async () => {
      const asTeam = await teamClient(person.team);
      expect(JSON.parse(await client('read_run.py', [found.run], asTeam))).toEqual({
        params: { executors: '2' },
        metrics: { total: found.sum },
        note: 'from a notebook',
      });
    });

    test('leaves nothing of Spark when its server is stopped, the session still open', async () => {
      expect((await leftOfSessions(person.team)).length).toBeGreaterThanOrEqual(3);
      await stop(token, person);
      expect(await nothingIsLeft()).toEqual([]);
    });
  });

  test('leaves nothing of Spark when its pod is killed', async () => {
    await start(token, person);
    const session = 'import plinth\nprint(plinth.spark().range(1000).count())';
    expect((await runInKernel(token, person.account, session, 'keep')).trim()).toBe('1000');
    expect((await sparkPods(person.team, 'driver', 'executor')).length).toBeGreaterThanOrEqual(2);
    const [pod = ''] = await podsOf(person);
    await kubectl(['delete', 'pod', '-n', person.team, pod, '--grace-period=0', '--force']);
    expect(await nothingIsLeft()).toEqual([]);
  });
});
