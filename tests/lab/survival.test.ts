import { environments } from '../../environments/index.ts';
import { replaced } from './replace.ts';
import { client, eventually, kubectlJson, type PodList } from './support.ts';

jest.setTimeout(15 * 60_000);

const { notebooks, serving, spark } = environments['local'] ?? {};

const namespaces = [
  ...['data', 'gateway', 'mlflow'],
  ...(notebooks?.kind === 'on' ? ['jupyterhub'] : []),
  ...(spark?.kind === 'on' ? ['spark'] : []),
  ...(serving?.kind === 'mlserver' ? ['serving'] : []),
];

const workloadPods = async (): Promise<PodList['items']> => {
  const { items } = await kubectlJson<PodList>(['get', 'pods', '--all-namespaces']);
  return items.filter(
    ({ metadata, status }) =>
      namespaces.includes(metadata.namespace) &&
      metadata.ownerReferences?.some(({ kind }) => kind !== 'Job') === true &&
      status.phase !== 'Succeeded',
  );
};

test('every workload comes back after its pods were deleted, with nothing lost', async () => {
  const { run } = JSON.parse(await client('log_run.py', ['survival', 'before'])) as { run: string };
  const before = await workloadPods();
  expect(before.map(({ metadata }) => metadata.namespace)).toEqual(expect.arrayContaining([...namespaces]));
  await replaced(workloadPods);
  const read = await eventually(
    'the run from before is read',
    async () => JSON.parse(await client('read_run.py', [run])) as { note: string },
    ({ note }) => note === 'before',
  );
  expect(read).toEqual({ params: { depth: '7' }, metrics: { accuracy: 0.875 }, note: 'before' });
});
