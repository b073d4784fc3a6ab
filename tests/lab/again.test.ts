import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { Daemons } from '../../lab/kubernetes/daemons.ts';
import { run as layout } from '../../lab/kubernetes/layout.ts';
import { run } from '../../lab/support/exec.ts';
import { checkout, kubectlJson, labFile } from './support.ts';

jest.setTimeout(15 * 60_000);

interface Revisions {
  readonly items: readonly { readonly metadata: { readonly uid: string; readonly generation?: number } }[];
}

const workloads = async (): Promise<readonly string[]> => {
  const { items } = await kubectlJson<Revisions>([
    'get',
    'deployments,statefulsets,jobs,networkpolicies',
    '--all-namespaces',
  ]);
  return items.map(({ metadata }) => `${metadata.uid} ${metadata.generation}`).sort();
};

/** The lab's own processes that are alive, with their ids. */
const processes = (): readonly string[] => {
  const daemons = new Daemons(layout.processes);
  return daemons.names().map((name) => `${name} ${daemons.pid(name)}`);
};

test('bringing it up again changes nothing, and none of the lab’s processes', async () => {
  const before = await workloads();
  const running = processes();
  expect(running).toEqual(expect.arrayContaining([expect.stringMatching(/^kube-proxy \d+$/)]));
  await run([process.execPath, 'lab/cli.ts', 'up'], { cwd: checkout, timeoutMs: 15 * 60_000 });
  expect(await workloads()).toEqual(before);
  expect(processes()).toEqual(running);
});

test('the status says that all is well, with a line for each workload', () => {
  const { status, stdout } = spawnSync(process.execPath, ['platform/cli/plinth.ts', 'status'], {
    cwd: checkout,
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/mlflow/);
  expect(stdout).toMatch(/postgres/);
  expect(status).toBe(0);
});

test('passwords are for their owner only', () => {
  expect(statSync(labFile('credentials.json')).mode & 0o777).toBe(0o600);
});
