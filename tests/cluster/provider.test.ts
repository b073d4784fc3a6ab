import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootControlPlane, type EphemeralCluster } from '../../lab/kubernetes/ephemeral.ts';
import { offlineEnvironment, pulumiToolchain } from '../../lab/pulumi/build.ts';
import { run } from '../../lab/support/exec.ts';

/** The stand-in under the real engine and a real API server; the finer points are in lab/provider's own tests. */

const password = 'correct-horse-battery';
const folder = mkdtempSync(join(tmpdir(), 'plinth-provider-'));
const state = join(folder, 'state');
let cluster: EphemeralCluster;
let environment: NodeJS.ProcessEnv;

const pulumi = (...args: readonly string[]): Promise<string> =>
  run(
    [
      'pulumi',
      '--non-interactive',
      '--color',
      'never',
      '--cwd',
      join(import.meta.dirname, 'provider'),
      ...args,
    ],
    {
      env: environment,
      timeoutMs: 300_000,
    },
  );
const onStack = (command: string, ...args: readonly string[]): Promise<string> =>
  pulumi(command, '--stack', 'test', '--config-file', join(folder, 'Pulumi.test.yaml'), ...args);
const up = (change: string, ...args: readonly string[]): Promise<string> =>
  onStack('up', '--yes', '--skip-preview', '--config', `stand-in:change=${change}`, ...args);
const kubectl = (...args: readonly string[]): Promise<string> =>
  run([
    join(cluster.programs, 'kubectl'),
    '--kubeconfig',
    cluster.kubeconfig,
    '--namespace',
    'data',
    ...args,
  ]);
const field = async (object: string, path: string): Promise<string> =>
  (await kubectl('get', object, '--output', `jsonpath={${path}}`)).trim();

beforeAll(async () => {
  const toolchain = await pulumiToolchain(join(folder, 'toolchain.log'));
  cluster = await bootControlPlane({ folder: join(folder, 'cluster') });
  mkdirSync(state);
  environment = {
    ...offlineEnvironment(toolchain),
    PULUMI_HOME: join(folder, 'home'),
    PULUMI_BACKEND_URL: `file://${state}`,
    PULUMI_CONFIG_PASSPHRASE: 'only for this test',
  };
  await pulumi('stack', 'init', 'test');
  await onStack('config', 'set', 'kubeconfig', cluster.kubeconfig);
  await onStack('config', 'set', '--secret', 'password', password);
  await up('none');
}, 1_800_000);

afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

test('what was applied is in the cluster, and nothing secret is in the state', async () => {
  expect(await field('secret/login', '.data.password')).toBe(Buffer.from(password).toString('base64'));
  expect(await field('thing/thing', '.spec.size')).toBe('3');
  const files = readdirSync(state, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
  expect(files.some((text) => text.includes('data/login'))).toBe(true);
  for (const form of [password, Buffer.from(password).toString('base64'), encodeURIComponent(password)])
    expect(files.filter((text) => text.includes(form))).toEqual([]);
}, 120_000);

test('an unchanged program is no change, and neither is a refresh', async () => {
  await onStack('preview', '--expect-no-changes');
  await onStack('refresh', '--yes', '--skip-preview', '--expect-no-changes');
}, 300_000);

test('what somebody edited, opened or deleted is shown by a refresh and repaired', async () => {
  await kubectl(
    'patch',
    'secret/login',
    '--type=merge',
    '--patch',
    '{"stringData":{"password":"theirs-now"}}',
  );
  const opened = '{"spec":{"podSelector":{"matchLabels":{"app":"web"}}}}';
  await kubectl('patch', 'networkpolicy/deny', '--type=merge', '--patch', opened);
  await kubectl('set', 'image', 'deployment/web', 'main=localhost/none:9');
  await kubectl('delete', 'configmap/settings');
  const shown = await onStack('preview', '--refresh', '--diff');
  expect(shown).toMatch(/image: "localhost\/none:9" => "localhost\/none:1"/);
  expect(shown).not.toContain('theirs-now');
  const summary = await up('none', '--refresh');
  expect(summary).toMatch(/\+ 1 created/);
  expect(summary).toMatch(/~ 3 updated/);
  expect(await field('secret/login', '.data.password')).toBe(Buffer.from(password).toString('base64'));
  expect(await field('networkpolicy/deny', '.spec.podSelector')).toBe('{}');
  expect(await field('deployment/web', '.spec.template.spec.containers[0].image')).toBe('localhost/none:1');
  expect(await field('configmap/settings', '.data.level')).toBe('info');
}, 300_000);

test('a Job whose template changed is replaced, the old one first', async () => {
  const before = await field('job/migrate', '.metadata.uid');
  expect(await up('image')).toMatch(/\+-1 replaced/);
  expect(await field('job/migrate', '.metadata.uid')).not.toBe(before);
  expect(await field('job/migrate', '.spec.template.spec.containers[0].image')).toBe('localhost/none:2');
  await up('none');
}, 300_000);

test('a preview finds the field that a kind does not have', async () => {
  await expect(onStack('preview', '--config', 'stand-in:change=mistake')).rejects.toThrow(
    /Thing "thing" in namespace "data".*sise/,
  );
}, 300_000);

test('a claim renamed in the program is the same claim', async () => {
  const before = await field('pvc/volume', '.metadata.uid');
  await up('renamed');
  expect(await field('pvc/volume', '.metadata.uid')).toBe(before);
  expect(await field('pvc/volume', '.metadata.deletionTimestamp')).toBe('');
  await up('none');
}, 300_000);

test('an object that somebody else made is imported as it is', async () => {
  await kubectl('create', 'configmap', 'found', '--from-literal=who=somebody else');
  expect(await up('imported')).toMatch(/= 1 imported/);
}, 300_000);

test('a stack that is destroyed leaves nothing', async () => {
  await onStack('destroy', '--yes', '--skip-preview');
  const left = await kubectl('get', 'namespaces,customresourcedefinitions', '--output', 'name');
  expect(left).not.toMatch(/namespace\/data$|things/m);
}, 600_000);
