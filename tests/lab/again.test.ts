import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
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

test('bringing it up again changes nothing', async () => {
  const before = await workloads();
  await run([process.execPath, 'lab/cli.ts', 'up'], { cwd: checkout, timeoutMs: 15 * 60_000 });
  expect(await workloads()).toEqual(before);
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
