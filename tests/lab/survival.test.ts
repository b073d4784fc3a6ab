import { client, eventually, kubectl, kubectlJson, type PodList } from './support.ts';

jest.setTimeout(15 * 60_000);

const workloadPods = async (): Promise<PodList['items']> => {
  const { items } = await kubectlJson<PodList>(['get', 'pods', '--all-namespaces']);
  return items.filter(
    ({ metadata, status }) =>
      ['data', 'gateway', 'mlflow'].includes(metadata.namespace) &&
      metadata.ownerReferences?.some(({ kind }) => kind !== 'Job') === true &&
      status.phase !== 'Succeeded',
  );
};

const isReady = (pod: PodList['items'][number]): boolean =>
  pod.metadata.deletionTimestamp === undefined &&
  pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

test('every workload comes back after its pods were deleted, with nothing lost', async () => {
  const { run } = JSON.parse(await client('log_run.py', ['survival', 'before'])) as { run: string };
  const before = await workloadPods();
  expect(before.map(({ metadata }) => metadata.namespace)).toEqual(
    expect.arrayContaining(['data', 'gateway', 'mlflow']),
  );
  await Promise.all(
    before.map(({ metadata }) =>
      kubectl(['delete', 'pod', '--wait=false', '-n', metadata.namespace, metadata.name]),
    ),
  );
  const old = new Set(before.map(({ metadata }) => metadata.uid));
  await eventually(
    'new pods are ready',
    workloadPods,
    (pods) =>
      pods.length === before.length && pods.every((pod) => !old.has(pod.metadata.uid) && isReady(pod)),
    600,
  );
  const read = await eventually(
    'the run from before is read',
    async () => JSON.parse(await client('read_run.py', [run])) as { note: string },
    ({ note }) => note === 'before',
  );
  expect(read).toEqual({ params: { depth: '7' }, metrics: { accuracy: 0.875 }, note: 'before' });
});
