import { setTimeout as delay } from 'node:timers/promises';
import { notWaitedFor } from '../constructs/kit/index.ts';

interface Status {
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly updatedReplicas?: number;
  readonly observedGeneration?: number;
  readonly numberReady?: number;
  readonly desiredNumberScheduled?: number;
  readonly succeeded?: number;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
  readonly phase?: string;
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
}

interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly state: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: { readonly reason?: string; readonly exitCode: number };
  };
}

/** What of a workload or pod is looked at. */
export interface Listed {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly generation?: number;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly replicas?: number; readonly completions?: number; readonly suspend?: boolean };
  readonly status?: Status;
}

/** Why a workload isn't Ready yet; undefined when it is. */
export const unready = (object: Listed): string | undefined => {
  const { kind, metadata, spec, status = {} } = object;
  const behind = (status.observedGeneration ?? 0) < (metadata.generation ?? 0);
  const of = (ready: number, wanted: number): string | undefined =>
    !behind && ready >= wanted ? undefined : `${ready} of ${wanted} ready`;
  switch (kind) {
    case 'Deployment':
    case 'StatefulSet': {
      const wanted = spec.replicas ?? 1;
      return of(Math.min(status.readyReplicas ?? 0, status.updatedReplicas ?? 0), wanted);
    }
    case 'DaemonSet':
      return of(status.numberReady ?? 0, status.desiredNumberScheduled ?? 0);
    case 'Job': {
      // Work that an update doesn't wait for isn't waited for here either.
      if (metadata.annotations?.[notWaitedFor] === 'true') return undefined;
      const failed = status.conditions?.find(
        ({ type, status: value }) => type === 'Failed' && value === 'True',
      );
      if (failed !== undefined) return `failed: ${failed.message ?? 'no message'}`;
      const wanted = spec.completions ?? 1;
      return spec.suspend || (status.succeeded ?? 0) >= wanted ? undefined : 'not complete';
    }
    default:
      return undefined;
  }
};

/** What a pod is stuck at, in a line; undefined for one that runs and is ready, or is done. */
export const stuckAt = (pod: Listed): string | undefined => {
  const { status = {} } = pod;
  if (status.phase === 'Succeeded') return undefined;
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  for (const { name, state, restartCount } of containers) {
    const { waiting, terminated } = state;
    if (waiting !== undefined && waiting.reason !== 'PodInitializing')
      return `${name}: ${waiting.reason ?? 'waiting'}${waiting.message === undefined ? '' : ` (${waiting.message})`}`;
    if (terminated !== undefined && terminated.exitCode !== 0)
      return `${name}: ended with ${terminated.exitCode} (${terminated.reason ?? ''}), ${restartCount} restarts`;
  }
  const unscheduled = status.conditions?.find(
    ({ type, status: value }) => type === 'PodScheduled' && value === 'False',
  );
  if (unscheduled !== undefined) return `not scheduled: ${unscheduled.message ?? ''}`;
  const slow = containers.filter(({ ready }) => !ready).map(({ name }) => name);
  return slow.length === 0 ? undefined : `not ready: ${slow.join(', ')}`;
};

/** Where a cluster's workloads and pods are read. */
export interface WorkloadReader {
  /** Every Deployment, StatefulSet, DaemonSet and Job that is to become Ready. */
  workloads(): Promise<readonly Listed[]>;
  pods(): Promise<readonly Listed[]>;
}

/** Reads all of a cluster's, as its administrator. */
export const readerOf = (kubectl: (args: readonly string[]) => Promise<string>): WorkloadReader => {
  const list = async (kinds: string): Promise<readonly Listed[]> => {
    const text = await kubectl(['get', kinds, '--all-namespaces', '-o', 'json']);
    return (JSON.parse(text) as { readonly items: readonly Listed[] }).items;
  };
  return {
    workloads: () => list('deployments,statefulsets,daemonsets,jobs'),
    pods: () => list('pods'),
  };
};

const describe = async (cluster: WorkloadReader, waiting: readonly Listed[]): Promise<readonly string[]> => {
  const pods = await cluster.pods();
  return waiting.map((object) => {
    const { kind, metadata } = object;
    const own = pods.filter(
      (pod) =>
        pod.metadata.namespace === metadata.namespace && pod.metadata.name.startsWith(`${metadata.name}-`),
    );
    const reasons = own.map(stuckAt).filter((reason) => reason !== undefined);
    const why = reasons.length === 0 ? '' : `; ${[...new Set(reasons)].join('; ')}`;
    return `${kind} ${metadata.namespace}/${metadata.name}: ${unready(object)}${why}`;
  });
};

/**
 * Resolves when every Deployment, StatefulSet, DaemonSet and Job is Ready; rejects after `seconds` with each that
 * isn't and what its pods are stuck at. Tells `note` every half a minute what it still waits for.
 */
export const waitForWorkloads = async (
  cluster: WorkloadReader,
  seconds: number,
  note: (text: string) => void,
): Promise<number> => {
  const deadline = performance.now() + seconds * 1000;
  let told = performance.now();
  for (;;) {
    const workloads = await cluster.workloads();
    const waiting = workloads.filter((object) => unready(object) !== undefined);
    if (waiting.length === 0) return workloads.length;
    const late = performance.now() > deadline;
    if (late || performance.now() - told > 30_000) {
      const lines = await describe(cluster, waiting);
      if (late) throw new Error(`not Ready after ${seconds} s:\n  ${lines.join('\n  ')}`);
      for (const line of lines) note(line);
      told = performance.now();
    }
    await delay(1_000);
  }
};
