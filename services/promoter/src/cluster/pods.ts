import type { V1ContainerStatus, V1Deployment, V1Pod } from '@kubernetes/client-node';
import type { PodsState } from '../domain/rollout.ts';

/** Starts of one container that fail until it is given up: a model that can't be loaded won't be, the fourth time. */
const tries = 3;

const said = ({ name, state, lastState }: V1ContainerStatus): string | undefined => {
  const waiting = state?.waiting;
  const ended = state?.terminated ?? lastState?.terminated;
  if (waiting?.reason === 'CrashLoopBackOff' || (waiting === undefined && ended !== undefined))
    return `${name} ended with ${ended?.exitCode ?? '?'} (${ended?.reason ?? 'unknown'})`;
  if (waiting?.reason === undefined || waiting.reason === 'ContainerCreating') return undefined;
  if (waiting.reason === 'PodInitializing') return undefined;
  return `${name}: ${waiting.reason}${waiting.message === undefined ? '' : `: ${waiting.message}`}`;
};

const statusesOf = ({ status }: V1Pod): readonly V1ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

/** Why a Pod can't even be made, such as a quota that is used up. */
const refused = (deployment: V1Deployment): string | undefined =>
  deployment.status?.conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
    ?.message;

const scheduling = ({ status }: V1Pod): string | undefined =>
  status?.conditions?.find((each) => each.type === 'PodScheduled' && each.status === 'False')?.message;

/** How a Deployment of one version is, in the words of a rollout. */
export const podsState = (deployment: V1Deployment | undefined, pods: readonly V1Pod[]): PodsState => {
  if (deployment === undefined) return { kind: 'absent' };
  const { status, spec, metadata } = deployment;
  const current = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  const wanted = Math.max(1, spec?.replicas ?? 1);
  if (current && (status?.updatedReplicas ?? 0) >= wanted && (status?.availableReplicas ?? 0) >= wanted)
    return { kind: 'ready' };
  const statuses = pods.flatMap(statusesOf);
  const failing = statuses.find((each) => each.restartCount >= tries && !each.ready);
  if (failing !== undefined && (status?.availableReplicas ?? 0) === 0)
    return {
      kind: 'failed',
      why: said(failing) ?? `${failing.name} has failed ${failing.restartCount} times`,
    };
  const why = [refused(deployment), ...pods.map(scheduling), ...statuses.map(said)].find(
    (each) => each !== undefined,
  );
  return { kind: 'starting', ...(why === undefined ? {} : { why }) };
};
