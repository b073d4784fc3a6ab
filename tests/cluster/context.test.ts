import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { bootControlPlane, type EphemeralCluster } from '../../lab/kubernetes/ephemeral.ts';
import { tried } from './fixture.ts';

/** `make up CONTEXT=name` on a cluster that is there: here one without nodes, so nothing is waited for. */

const minutes = 60_000;
jest.setTimeout(15 * minutes);

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'plinth-context-'));
const context = basename(folder);
/** A checkout whose local environment is a smaller one: what `make up` does to a cluster doesn't depend on its size. */
const checkout = join(folder, 'checkout');
const stack = join(checkout, '.stacks', context);
const kubeconfig = join(folder, 'kubeconfig');
let cluster: EphemeralCluster;

const copyCheckout = (): void => {
  mkdirSync(checkout);
  const options = ['-z', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', ['ls-files', ...options], { cwd: root, encoding: 'utf8' }).split('\0');
  // One that was deleted is listed until that is committed.
  const files = listed.filter((path) => path !== '' && existsSync(join(root, path)));
  execFileSync('xargs', ['-0', 'cp', '--parents', '-pt', checkout], { cwd: root, input: files.join('\0') });
  for (const made of ['node_modules', '.tools', 'constructs/imports'])
    if (existsSync(join(root, made))) symlinkSync(join(root, made), join(checkout, made));
  writeFileSync(join(checkout, 'environments/local.ts'), `export default ${JSON.stringify(tried)};\n`);
};

beforeAll(async () => {
  copyCheckout();
  cluster = await bootControlPlane({ folder: join(folder, 'kubernetes') });
  writeFileSync(kubeconfig, readFileSync(cluster.kubeconfig, 'utf8').replaceAll('plinth-test', context));
}, 40 * minutes);

afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
}, minutes);

/** Without what a make around the tests tells its own, and without a Pulumi of the machine's, which would be taken. */
const surroundings = (): NodeJS.ProcessEnv => {
  const { MAKEFLAGS: _, MAKELEVEL: __, PATH = '', ...rest } = process.env;
  const folders = PATH.split(delimiter).filter((folder) => !existsSync(join(folder, 'pulumi')));
  return { ...rest, PATH: folders.join(delimiter), KUBECONFIG: kubeconfig };
};

const shell = (command: string, env: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> =>
  spawnSync('bash', ['-c', command], { cwd: checkout, encoding: 'utf8', env: { ...surroundings(), ...env } });
const make = (...words: readonly string[]): SpawnSyncReturns<string> =>
  shell(`make --silent ${words.join(' ')}`);
const kubectl = (args: string): string => shell(`${join(cluster.programs, 'kubectl')} ${args}`).stdout.trim();

test('a context or an environment that is not there is told with those that are, and nothing is kept', () => {
  const nowhere = make('up', 'CONTEXT=nowhere', 'ENV=local');
  expect([nowhere.status, nowhere.stderr]).toEqual([
    2,
    expect.stringContaining(
      `plinth: CONTEXT=nowhere: ${kubeconfig} has no such context; there are ${context}\n`,
    ),
  ]);
  expect(make('up', `CONTEXT=${context}`, 'ENV=elsewhere').stderr).toContain(
    'plinth: ENV=elsewhere: no environment elsewhere; there are local, staging, production, and a new file needs ',
  );
  const missing = shell('make --silent up CONTEXT=any', { KUBECONFIG: join(folder, 'none') });
  expect(missing.stderr).toContain(`there is no kubeconfig ${join(folder, 'none')}; set KUBECONFIG`);
  expect(existsSync(stack)).toBe(false);
});

test('a cluster that does not answer is told by its address', () => {
  const closed = join(folder, 'closed');
  const text = readFileSync(kubeconfig, 'utf8').replace(
    /https:\/\/127\.0\.0\.1:\d+/,
    'https://127.0.0.1:65123',
  );
  writeFileSync(closed, text);
  const said = shell(`make --silent up CONTEXT=${context}`, { KUBECONFIG: closed });
  expect(said.stderr).toMatch(/https:\/\/127\.0\.0\.1:65123 can't be asked: .*ECONNREFUSED/);
});

test('the environment is applied, and what to open and how to take it off is told', () => {
  const { status, stdout, stderr } = make('up', `CONTEXT=${context}`, 'WAIT=0');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/Kubernetes v1\.\d+\.\d+ at https:/);
  expect(stdout).toContain('environments/local.ts names no imageRegistry: every node must have the images');
  expect(stdout).toMatch(/ {2}mlflow +https:\/\/mlflow\.plinth\.localhost/);
  expect(kubectl('get deployment mlflow -n mlflow -o name')).toBe('deployment.apps/mlflow');
  expect(statSync(join(stack, 'credentials.json')).mode & 0o777).toBe(0o600);
});

test('applied again, it changes nothing', () => {
  const before = kubectl(
    'get deployments,statefulsets,jobs -A -o jsonpath={..metadata.uid}{..metadata.generation}',
  );
  expect(make('up', `CONTEXT=${context}`, 'ENV=local', 'WAIT=0').status).toBe(0);
  expect(
    kubectl('get deployments,statefulsets,jobs -A -o jsonpath={..metadata.uid}{..metadata.generation}'),
  ).toBe(before);
});

test('a cluster carries one environment', () => {
  const { status, stdout, stderr } = make('up', `CONTEXT=${context}`, 'ENV=staging', 'WAIT=0');
  expect(status).not.toBe(0);
  // What its owner would have had to make is told before.
  expect(stdout).toContain('data/object-store-administrator with accessKeyId, secretAccessKey');
  expect(stderr).toContain('the environment local is applied there already, and a cluster carries one');
  expect(kubectl('get namespaces -o name')).toContain('namespace/mlflow');
});

test('make down is for the lab: it tells how Plinth is taken off, and that command does it', () => {
  const { status, stderr } = make('down', `CONTEXT=${context}`);
  expect(status).not.toBe(0);
  const command = stderr.split('\n').find((line) => line.includes('./plinth destroy local'));
  const volumes = kubectl('get persistentvolumeclaims -A -o jsonpath={.items[*].metadata.name}').split(' ');
  expect(volumes.length).toBeGreaterThan(0);
  const taken = shell(String(command).trim());
  expect([taken.status, taken.stdout]).toEqual([0, expect.stringContaining('remains, with its data:')]);
  expect(kubectl('get deployment mlflow -n mlflow --ignore-not-found -o name')).toBe('');
  expect(kubectl('get persistentvolumeclaims -A -o jsonpath={.items[*].metadata.name}').split(' ')).toEqual(
    volumes,
  );
});
