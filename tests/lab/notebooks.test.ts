import { environments } from '../../environments/index.ts';
import { asked, hubToken, podsOf, runInKernel, servers, start, stop, visitHub } from './hub.ts';
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

(own ? describe : describe.skip)('notebooks', () => {
  let a: string;
  let b: string;
  /** Says nothing while the other tests run, and ends with its server. */
  let computing: Promise<unknown> | undefined;
  beforeAll(async () => {
    [a, b] = await Promise.all([hubToken('scientist-a'), hubToken('scientist-b')]);
    await start(a, scientistA);
    computing = runInKernel(a, 'scientist-a', 'import time\ntime.sleep(3600)', 'keep').catch(() => undefined);
  });
  afterAll(async () => {
    if (a !== undefined) await stop(a, scientistA);
    if (b !== undefined) await stop(b, scientistB);
    await computing;
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
      expect.stringMatching(/Quota: team-a has no room .* 12Gi of memory/),
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

  test('who is taken out of a team loses the running server within five minutes', async () => {
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
  });

  test('a kernel that computes in silence keeps its server in use', async () => {
    const ago = (time: string): number => Date.now() - Date.parse(time);
    const [kernel] = await eventually(
      'the kernel has been silent for more than a minute',
      async () => {
        // Asking for kernels is a use of the server, unless one says that it isn't.
        const { body } = await asked(a, 'GET', '/user/scientist-a/api/kernels?no_track_activity=1');
        return JSON.parse(body) as readonly { execution_state: string; last_activity: string }[];
      },
      (kernels) => kernels.every(({ last_activity }) => ago(last_activity) > 70_000),
    );
    expect(kernel?.execution_state).toBe('busy');
    const { body } = await asked(a, 'GET', '/user/scientist-a/api/status');
    expect(ago((JSON.parse(body) as { last_activity: string }).last_activity)).toBeLessThan(60_000);
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
