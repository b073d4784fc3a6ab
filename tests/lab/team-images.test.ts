import { readFileSync } from 'node:fs';
import { environments } from '../../environments/index.ts';
import { provideShared } from '../../lab/images/shared.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { holdsAlone } from '../alone.ts';
import { ask } from './http.ts';
import { askFor, hubToken, runInKernel, start, stop, visitHub } from './hub.ts';
import {
  client,
  credentials,
  endpoint,
  eventually,
  kubectl,
  kubectlJson,
  labFile,
  type PodList,
  secretValue,
} from './support.ts';

// The image that others are built on is pushed once: a gigabyte.
jest.setTimeout(30 * 60_000);

const person = { account: 'scientist-a', team: 'team-a' };
const local = environments['local'] as EnvironmentInput;
const own = local.registry?.kind === 'on' && local.notebooks?.kind === 'on';
/** One that can be built, and one whose wheel isn't there. */
const [built, hindered] = ['lab-test', 'lab-test-hindered'];
const absent = `absent_thing==9.9 --hash=sha256:${'0'.repeat(64)}`;

interface ConfigMap {
  readonly data: Readonly<Record<string, string>>;
}

const record = async (image: string): Promise<ConfigMap['data']> =>
  (await kubectlJson<ConfigMap>(['get', 'configmap', '-n', person.team, `image-${image}`])).data;

/** What the environment would have besides, were these images in it: as the platform renders them. */
const objects = (line: string): string => {
  const images = [
    { name: built, requirements: [line] },
    { name: hindered, requirements: [absent] },
  ];
  const teams = (local.teams ?? []).map((team) => (team.name === person.team ? { ...team, images } : team));
  const { app } = compose(parseEnvironment('local', { ...local, teams }));
  const chart = app.charts.find(({ node }) => node.id === `notebook-images-${person.team}`);
  if (chart === undefined) throw new Error('no images are composed');
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: chart.toJson() });
};

const apply = (list: string): Promise<string> =>
  kubectl(['apply', '--server-side', '--field-manager=lab-test', '-f', '-'], list);
const remove = (list: string): Promise<string> =>
  kubectl(['delete', '--ignore-not-found', '--wait', '-f', '-'], list);

/** Resolves to the digest when the Job has recorded one. */
const digestOf = async (image: string): Promise<string> => {
  const data = await eventually(
    `image ${image} is built`,
    () => record(image),
    ({ digest, built: content, content: wanted }) => digest !== undefined && content === wanted,
    600,
  );
  return data['digest'] ?? '';
};

const provideBase = async (): Promise<void> => {
  const login = await secretValue('registry', 'registry-shared', '.dockerconfigjson');
  await provideShared('notebook', {
    host: new URL(endpoint('registry').url).hostname,
    authority: readFileSync(labFile('ca.crt'), 'utf8'),
    login,
  });
};

const lineOf = async (module: string): Promise<string> => {
  const { username, password } = credentials(`s3-${person.team}`);
  const env = { S3_URL: endpoint('s3').url, AWS_ACCESS_KEY_ID: username, AWS_SECRET_ACCESS_KEY: password };
  return (JSON.parse(await client('put_wheel.py', [person.team, module], env)) as { line: string }).line;
};

/** What the registry answers to the beginning of an upload with a team's login. */
const beginUpload = async (team: string, repository: string): Promise<number> => {
  const { host } = new URL(endpoint('registry').url);
  const told = JSON.parse(await secretValue(team, `${team}-registry`, '.dockerconfigjson')) as {
    auths: Readonly<Record<string, { username: string; password: string }>>;
  };
  const { username, password } = told.auths[host] ?? { username: '', password: '' };
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const url = `${endpoint('registry').url}/v2/${repository}/blobs/uploads/`;
  return (await ask(url, { method: 'POST', headers: { authorization } })).status;
};

holdsAlone('server of scientist-a');

(own ? describe : describe.skip)("a team's notebook image", () => {
  let token: string;
  let list: string | undefined;
  let digest: string;
  beforeAll(async () => {
    token = await hubToken(person.account);
    list = objects(await lineOf('from_lab_test'));
    await remove(list);
    await apply(list);
    await provideBase();
    digest = await digestOf(built);
  });
  afterAll(async () => {
    if (token !== undefined) await stop(token, person);
    if (list !== undefined) await remove(list);
  });

  test('is built by a pod in a namespace that enforces restricted', async () => {
    const { metadata } = await kubectlJson<{ metadata: { labels: Record<string, string> } }>([
      ...['get', 'namespace', person.team],
    ]);
    expect(metadata.labels['pod-security.kubernetes.io/enforce']).toBe('restricted');
    const selector = `app.kubernetes.io/name=image-${built}`;
    const phases = async (): Promise<readonly string[]> => {
      const { items } = await kubectlJson<PodList>(['get', 'pods', '-n', person.team, '-l', selector]);
      return items.map(({ status }) => status.phase);
    };
    await eventually('its pod has ended well', phases, (found) => found.includes('Succeeded'));
  });

  test('is on the list of profiles; one that is not there says why, and cannot be started', async () => {
    const { session } = await visitHub(person.account);
    await stop(token, person);
    const page = await session.open(`${endpoint('hub').url}/hub/spawn/${person.account}`);
    expect(page.body).toContain(`value="${built}"`);
    const reason = 's3://team-a/wheels/ has no wheel of absent-thing==9.9';
    await eventually(
      'the reason is recorded',
      () => record(hindered),
      ({ problem }) => problem === reason,
    );
    const answer = await askFor(token, person, '', { image: hindered });
    const told = `Image: ${hindered} isn't there yet: ${reason}`;
    expect([answer.status, answer.body]).toEqual([409, expect.stringContaining(told)]);
  });

  test('runs, pulled by its digest, and has what was asked for', async () => {
    await start(token, person, { image: built });
    const code = 'import from_lab_test, pandas\nprint(from_lab_test.answer, from_lab_test.__file__)';
    expect((await runInKernel(token, person.account, code)).trim()).toBe(
      '42 /opt/team-image/from_lab_test/__init__.py',
    );
    const pod = await kubectlJson<{ spec: { containers: readonly { image: string }[] } }>([
      ...['get', 'pod', '-n', person.team, `jupyter-${person.account}`],
    ]);
    const { host } = new URL(endpoint('registry').url);
    expect(pod.spec.containers.map(({ image }) => image)).toEqual([`${host}/team-a/${built}@${digest}`]);
  });

  test('is the same image when the same is built again', async () => {
    if (list === undefined) throw new Error('nothing was composed');
    await remove(list);
    await apply(list);
    expect(await digestOf(built)).toBe(digest);
  });

  test("is pushed to the team's own repositories only: another team's login is refused there", async () => {
    expect(await beginUpload('team-a', `team-a/${built}`)).toBe(202);
    expect(await beginUpload('team-b', `team-a/${built}`)).toBe(401);
    expect(await beginUpload('team-b', 'plinth/notebook')).toBe(401);
  });
});
