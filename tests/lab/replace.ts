import { eventually, kubectl, type PodList } from './support.ts';

type Pods = PodList['items'];

export const isReady = ({ metadata, status }: Pods[number]): boolean =>
  metadata.deletionTimestamp === undefined &&
  status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

/** Deletes the pods that `list` finds, all at once, until as many others are ready. */
export const replaced = async (list: () => Promise<Pods>, seconds = 600): Promise<void> => {
  const before = await list();
  await Promise.all(
    before.map(({ metadata }) =>
      kubectl(['delete', 'pod', '--wait=false', '-n', metadata.namespace, metadata.name]),
    ),
  );
  const old = new Set(before.map(({ metadata }) => metadata.uid));
  await eventually(
    'new pods are ready',
    list,
    (pods) =>
      pods.length === before.length && pods.every((pod) => !old.has(pod.metadata.uid) && isReady(pod)),
    seconds,
  );
};
