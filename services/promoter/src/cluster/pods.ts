import type { PodsState } from '../domain/rollout.ts';

interface ContainerState {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly state?: Ended & { readonly waiting?: Reason };
  readonly lastState?: Ended;
}
interface Reason {
  readonly reason?: string;
  readonly message?: string;
}
interface Ended {
  readonly terminated?: Reason & { readonly exitCode?: number };
}
interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

/** As much of a Pod as says how it is. */
export interface PodState {
  readonly status?: {
    readonly initContainerStatuses?: readonly ContainerState[];
    readonly containerStatuses?: readonly ContainerState[];
    readonly conditions?: readonly Condition[];
  };
}

export interface DeploymentState {
  readonly metadata?: {
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly Condition[];
  };
}

/** Starts of one container that fail until it is given up: a model that can't be loaded won't be, the fourth time. */
const tries = 3;

const said = ({ name, state, lastState }: ContainerState): string | undefined => {
  const waiting = state?.waiting;
  const ended = state?.terminated ?? lastState?.terminated;
  if (waiting?.reason === 'CrashLoopBackOff' || (waiting === undefined && ended !== undefined))
    return `${name} ended with ${ended?.exitCode ?? '?'} (${ended?.reason ?? 'unknown'})`;
  if (waiting?.reason === undefined || waiting.reason === 'ContainerCreating') return undefined;
  if (waiting.reason === 'PodInitializing') return undefined;
  return `${name}: ${waiting.reason}${waiting.message === undefined ? '' : `: ${waiting.message}`}`;
};

const statusesOf = ({ status }: PodState): readonly ContainerState[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

/** Why a Pod can't even be made, such as a quota that is used up. */
const refused = (deployment: DeploymentState): string | undefined =>
  deployment.status?.conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
    ?.message;

const scheduling = ({ status }: PodState): string | undefined =>
  status?.conditions?.find((each) => each.type === 'PodScheduled' && each.status === 'False')?.message;

/** How a Deployment of one version is, in the words of a rollout. */
export const podsState = (deployment: DeploymentState | undefined, pods: readonly PodState[]): PodsState => {
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
