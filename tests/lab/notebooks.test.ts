import { environments } from '../../environments/index.ts';
import { alone, holdsAlone } from '../alone.ts';
import { asked, hubToken, podsOf, runInKernel, servers, start, startMore, stop, visitHub } from './hub.ts';
import { type Account, withAccounts } from './realm.ts';
import { replaced } from './replace.ts';
import { eventually, kubectl, kubectlJson, type PodList } from './support.ts';

jest.setTimeout(20 * 60_000);

const [scientistA, scientistB] = [
  { account: 'scientist-a', team: 'team-a' },
  { account: 'scientist-b', team: 'team-b' },
];
const own = environments['local']?.notebooks?.kind === 'on';

const storage = `
import boto3, os, pandas as pd
s3 = boto3.client("s3")
bucket = os.environ["PLINTH_BUCKET"]
s3.put_object(Bucket=bucket, Key="notebook/note.txt", Body=b"written without set-up")
print(s3.get_object(Bucket=bucket, Key="notebook/note.txt")["Body"].read().decode())
pd.DataFrame({"x": [1, 2, 3]}).to_parquet(f"s3://{bucket}/notebook/x.parquet")
print(pd.read_parquet(f"s3://{bucket}/notebook/x.parquet")["x"].sum())
`;

const places = `
import os, pathlib, urllib.request
pathlib.Path("kept.txt").write_text("at home")
pathlib.Path("shared/for-all.txt").write_text("shared")
print(os.getcwd(), os.getuid())
print(urllib.request.urlopen("https://id.plinth.localhost/realms/plinth").status)
`;

/** As in the platform, but for how long a server may be idle, and for whose servers it may see. */
const cull = async (account: string, idleSeconds: number): Promise<void> => {
  const scopes = ['list:users', 'read:users:activity', 'read:servers', 'delete:servers'];
  const token = await hubToken(
    'platform-admin',
    scopes.map((each) => `${each}!user=${account}`),
  );
  const once = `timeout 20 python3 -m jupyterhub_idle_culler --url=http://127.0.0.1:8081/hub/api --timeout=${idleSeconds}`;
  const script = `read JUPYTERHUB_API_TOKEN; export JUPYTERHUB_API_TOKEN; ${once} || [ $? = 124 ]`;
  await kubectl(
    ['exec', '-i', '-n', 'jupyterhub', 'statefulset/hub', '--', 'sh', '-c', script],
    `${token}\n`,
  );
};

holdsAlone('server of scientist-a', 'server of scientist-b');

(own ? describe : describe.skip)('notebooks', () => {
  let a: string;
  let b: string;
  beforeAll(async () => {
    [a, b] = await Promise.all([hubToken('scientist-a'), hubToken('scientist-b')]);
    await start(a, scientistA);
    // Says nothing while the other tests run, and ends with its server.
    await runInKernel(a, 'scientist-a', 'import time\ntime.sleep(3600)', 'leave');
  });
  afterAll(async () => {
    if (a !== undefined) await stop(a, scientistA);
    if (b !== undefined) await stop(b, scientistB);
  });

  test("a server runs in the namespace of its person's team", async () => {
    expect(await podsOf(scientistA)).toEqual(['jupyter-scientist-a']);
  });

  test('its storage is at hand without set-up', async () => {
    expect((await runInKernel(a, 'scientist-a', storage)).trim().split('\n')).toEqual([
      'written without set-up',
      '6',
    ]);
  });

  test('it has a home and the volume of its team, and trusts the platform', async () => {
    expect((await runInKernel(a, 'scientist-a', places)).trim().split('\n')).toEqual([
      '/home/notebook 1000',
      '200',
    ]);
  });

  test('it outlives the hub and its proxy, and is found again', async () => {
    const hub = 'app.kubernetes.io/name in (hub,hub-proxy)';
    await replaced(
      async () => (await kubectlJson<PodList>(['get', 'pods', '-n', 'jupyterhub', '-l', hub])).items,
    );
    const answer = await eventually(
      'the server answers',
      () => asked(a, 'GET', '/user/scientist-a/api/status'),
      ({ status }) => status === 200,
    );
    expect(answer.status).toBe(200);
    expect((await servers(a, 'scientist-a'))['']?.ready).toBe(true);
  });

  test("another team's person gets nothing of it", async () => {
    const { status } = await asked(b, 'GET', '/user/scientist-a/api/status');
    expect(status).toBe(403);
    expect((await asked(b, 'GET', '/hub/api/users/scientist-a')).status).toBe(404);
    const started = await asked(b, 'POST', '/hub/api/users/scientist-b/servers/other', { profile: 'team-a' });
    expect([started.status, started.body]).toEqual([409, expect.stringContaining("no team 'team-a'")]);
  });

  test('a server that the quota has no room for is refused in plain words', async () => {
    const path = '/hub/api/users/scientist-a/servers/too-large';
    const { status, body } = await asked(a, 'POST', path, { profile: 'team-a', size: 'large' });
    expect([status, body]).toEqual([
      409,
      expect.stringMatching(/Quota: team-a has no room .* 16Gi of memory/),
    ]);
    expect(Object.keys(await servers(a, 'scientist-a'))).toEqual(['']);
  });

  test('an administrator in no team may look after the hub, but has no server', async () => {
    const { page } = await visitHub('platform-admin');
    expect(page.status).toBe(200);
    const admin = await hubToken('platform-admin');
    const { body } = await asked(admin, 'POST', '/hub/api/users/platform-admin/server');
    expect(body).toContain('you belong to no team');
  });

  let unusedSince = Number.POSITIVE_INFINITY;

  test('a person may have a second server', async () => {
    await startMore(a, scientistA, 'second');
    expect((await podsOf(scientistA)).length).toBe(2);
    unusedSince = performance.now();
  });

  test('who is taken out of a team loses the running server within five minutes', () =>
    alone('accounts', async () => {
      await start(b, scientistB);
      expect(await podsOf(scientistB)).toEqual(['jupyter-scientist-b']);
      const outOfTeam = (accounts: readonly Account[]): readonly Account[] =>
        accounts.map((each) => (each.name === 'scientist-b' ? { ...each, groups: [] } : each));
      await withAccounts(outOfTeam, async () => {
        await eventually(
          'the server of scientist-b is gone',
          () => podsOf(scientistB),
          (pods) => pods.length === 0,
          300,
        );
        await eventually(
          'the token of scientist-b opens nothing',
          () => asked(b, 'GET', '/hub/api/user'),
          ({ status }) => status === 403,
          60,
        );
        const { page } = await visitHub('scientist-b');
        expect([page.status, page.body]).toEqual([403, expect.stringContaining('belong to no team')]);
      });
      b = await eventually(
        'scientist-b is back',
        () => hubToken('scientist-b'),
        () => true,
        300,
      );
    }));

  test('a server that nobody uses is stopped, and not one whose kernel computes in silence', async () => {
    // Nothing here asks either of them for anything meanwhile: that would be a use. The hub may hear of a busy kernel
    // a minute and a half after the fact.
    const idleSeconds = 105;
    const seconds = await eventually(
      'both have been let alone for long enough',
      async () => (performance.now() - unusedSince) / 1000,
      (now) => now > idleSeconds + 10,
    );
    expect(Object.keys(await servers(a, 'scientist-a')).sort()).toEqual(['', 'second']);
    await cull('scientist-a', idleSeconds);
    console.log(`culled after ${seconds.toFixed(0)} s`);
    const left = await eventually(
      'the second server is stopped',
      () => podsOf(scientistA),
      ({ length }) => length < 2,
    );
    expect(left).toEqual(['jupyter-scientist-a']);
    expect((await servers(a, 'scientist-a'))['']?.ready).toBe(true);
  });

  test('a stopped server leaves its home, and no pod', async () => {
    await stop(a, scientistA);
    const claims = await kubectl(['get', 'pvc', '-n', 'team-a', '-o', 'name']);
    expect(claims.trim().split('\n').sort()).toEqual([
      'persistentvolumeclaim/home-scientist-a',
      'persistentvolumeclaim/shared',
    ]);
  });
});
