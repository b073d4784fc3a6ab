import type {
  CoreV1Event,
  V1DaemonSet,
  V1Deployment,
  V1Job,
  V1Namespace,
  V1ObjectMeta,
  V1PersistentVolumeClaim,
  V1Pod,
  V1StatefulSet,
} from '@kubernetes/client-node';

/** What was read from a cluster at one time. */
export interface ClusterState {
  readonly namespaces: readonly V1Namespace[];
  readonly deployments: readonly V1Deployment[];
  readonly statefulSets: readonly V1StatefulSet[];
  readonly daemonSets: readonly V1DaemonSet[];
  readonly jobs: readonly V1Job[];
  readonly pods: readonly V1Pod[];
  readonly claims: readonly V1PersistentVolumeClaim[];
  readonly events: readonly CoreV1Event[];
}

export interface Health {
  /** `Kind namespace/name`. */
  readonly object: string;
  readonly namespace: string;
  /** Whether its namespace is the platform's. */
  readonly ours: boolean;
  readonly ill: boolean;
  /** `1/1 ready`, `done`, `failed` and so on. */
  readonly state: string;
  /** Why it is ill, as Kubernetes tells it, most telling first. */
  readonly reasons: readonly string[];
  /** A pod whose last lines tell more, for a Job that failed or a container that ends again and again. */
  readonly speaker?: { readonly pod: string; readonly container: string; readonly previous: boolean };
}

const named = (meta: V1ObjectMeta | undefined): string => `${meta?.namespace ?? ''}/${meta?.name ?? ''}`;
const unique = (list: readonly string[]): readonly string[] => [...new Set(list)];

type ContainerStatuses = NonNullable<NonNullable<V1Pod['status']>['containerStatuses']>;
const statusesOf = ({ status }: V1Pod): ContainerStatuses => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

const containerReasons = (pod: V1Pod): readonly string[] =>
  statusesOf(pod).flatMap(({ name, ready, state, lastState, restartCount }) => {
    const waiting = state?.waiting;
    const ended = state?.terminated ?? lastState?.terminated;
    const end =
      ended === undefined || ended.exitCode === 0
        ? []
        : [
            `container ${name} ended with ${ended.exitCode} (${ended.reason ?? 'no reason'}), ${restartCount} restarts`,
          ];
    if (
      waiting !== undefined &&
      waiting.reason !== 'PodInitializing' &&
      waiting.reason !== 'ContainerCreating'
    )
      return [`container ${name}: ${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}`, ...end];
    if (state?.running !== undefined && !ready)
      return [`container ${name} runs, but its readiness probe doesn't pass`, ...end];
    return state?.terminated === undefined ? [] : end;
  });

const unscheduled = ({ status }: V1Pod): readonly string[] =>
  (status?.conditions ?? [])
    .filter(({ type, status: value }) => type === 'PodScheduled' && value === 'False')
    .map(({ reason, message }) => `${reason ?? 'not scheduled'}: ${message ?? 'no message'}`);

const speakerOf = (pods: readonly V1Pod[]): Health['speaker'] => {
  for (const pod of pods)
    for (const { name, state, lastState, restartCount } of statusesOf(pod)) {
      const code = state?.terminated?.exitCode ?? lastState?.terminated?.exitCode ?? 0;
      if (code !== 0)
        return {
          pod: pod.metadata?.name ?? '',
          container: name,
          previous: state?.terminated === undefined && restartCount > 0,
        };
    }
  return undefined;
};

class Judge {
  readonly #state: ClusterState;
  readonly #ours: ReadonlySet<string>;

  constructor(state: ClusterState) {
    this.#state = state;
    const ours = state.namespaces.filter(
      ({ metadata }) => metadata?.labels?.['app.kubernetes.io/part-of'] === 'plinth',
    );
    this.#ours = new Set(ours.map(({ metadata }) => metadata?.name ?? ''));
  }

  all(): readonly Health[] {
    const { deployments, statefulSets, daemonSets, jobs, claims } = this.#state;
    return [
      ...deployments.map(({ metadata, spec, status }) =>
        this.#workload(
          'Deployment',
          metadata,
          spec?.replicas ?? 1,
          status?.readyReplicas,
          status?.updatedReplicas,
        ),
      ),
      ...statefulSets.map(({ metadata, spec, status }) =>
        this.#workload(
          'StatefulSet',
          metadata,
          spec?.replicas ?? 1,
          status?.readyReplicas,
          status?.updatedReplicas,
        ),
      ),
      ...daemonSets.map(({ metadata, status }) =>
        this.#workload(
          'DaemonSet',
          metadata,
          status?.desiredNumberScheduled ?? 0,
          status?.numberReady,
          status?.updatedNumberScheduled,
        ),
      ),
      ...jobs.map((job) => this.#job(job)),
      ...claims.flatMap((claim) => this.#claim(claim)),
    ].sort((a, b) => (a.object < b.object ? -1 : 1));
  }

  #health(kind: string, meta: V1ObjectMeta | undefined): Pick<Health, 'object' | 'namespace' | 'ours'> {
    const namespace = meta?.namespace ?? '';
    return { object: `${kind} ${named(meta)}`, namespace, ours: this.#ours.has(namespace) };
  }

  #podsOf(owner: V1ObjectMeta | undefined): readonly V1Pod[] {
    const uids = new Set([owner?.uid]);
    return this.#state.pods.filter(({ metadata }) =>
      (metadata?.ownerReferences ?? []).some(
        // Pods of a Deployment are its ReplicaSet's, whose name begins with the Deployment's.
        ({ uid, kind, name }) =>
          uids.has(uid) ||
          (kind === 'ReplicaSet' &&
            metadata?.namespace === owner?.namespace &&
            name.replace(/-[a-z0-9]+$/, '') === owner?.name),
      ),
    );
  }

  /** Warnings about an object or about what it makes, the latest first. */
  #warnings(meta: V1ObjectMeta | undefined): readonly string[] {
    const name = meta?.name ?? '';
    return this.#state.events
      .filter(({ type, involvedObject }) => {
        const about = involvedObject.name ?? '';
        const made = involvedObject.kind === 'ReplicaSet' && about.replace(/-[a-z0-9]+$/, '') === name;
        return type === 'Warning' && involvedObject.namespace === meta?.namespace && (about === name || made);
      })
      .map(({ reason, message }) => `${reason ?? 'Warning'}: ${message ?? ''}`)
      .slice(-2)
      .reverse();
  }

  #workload(
    kind: string,
    meta: V1ObjectMeta | undefined,
    desired: number,
    ready: number | undefined,
    updated: number | undefined,
  ): Health {
    const ill = (ready ?? 0) < desired || (updated ?? 0) < desired;
    const state = `${ready ?? 0}/${desired} ready`;
    if (!ill) return { ...this.#health(kind, meta), ill, state, reasons: [] };
    const pods = this.#podsOf(meta);
    const warnings =
      pods.length === 0 ? this.#warnings(meta) : pods.flatMap((pod) => this.#warnings(pod.metadata));
    const reasons = unique([...pods.flatMap(unscheduled), ...pods.flatMap(containerReasons), ...warnings]);
    const speaker = speakerOf(pods);
    return {
      ...this.#health(kind, meta),
      ill,
      state,
      reasons:
        reasons.length > 0 ? reasons : [pods.length === 0 ? 'it has no pods yet' : 'its pods are starting'],
      ...(speaker === undefined ? {} : { speaker }),
    };
  }

  #job({ metadata, spec, status }: V1Job): Health {
    const failed = status?.conditions?.find(
      ({ type, status: value }) => type === 'Failed' && value === 'True',
    );
    const done = (status?.succeeded ?? 0) >= (spec?.completions ?? 1);
    const pods = done ? [] : this.#podsOf(metadata);
    const troubles = unique([...pods.flatMap(unscheduled), ...pods.flatMap(containerReasons)]);
    const ill = failed !== undefined || (!done && troubles.length > 0);
    const speaker = ill ? speakerOf(pods) : undefined;
    const why = failed === undefined ? [] : [`${failed.reason ?? 'Failed'}: ${failed.message ?? ''}`];
    return {
      ...this.#health('Job', metadata),
      ill,
      state: failed !== undefined ? 'failed' : done ? 'done' : 'running',
      reasons: ill ? unique([...why, ...troubles]) : [],
      ...(speaker === undefined ? {} : { speaker }),
    };
  }

  /** A claim is told of only when it is lost, or when a pod waits for it. */
  #claim({ metadata, status }: V1PersistentVolumeClaim): readonly Health[] {
    const phase = status?.phase ?? 'Pending';
    if (phase === 'Bound') return [];
    const wanted = this.#state.pods.some(
      (pod) =>
        pod.metadata?.namespace === metadata?.namespace &&
        (pod.spec?.volumes ?? []).some(
          (volume) => volume.persistentVolumeClaim?.claimName === metadata?.name,
        ),
    );
    if (!wanted && phase !== 'Lost') return [];
    const reasons = this.#warnings(metadata);
    const state = phase.toLowerCase();
    return [
      {
        ...this.#health('PersistentVolumeClaim', metadata),
        ill: true,
        state,
        reasons: reasons.length > 0 ? reasons : ['no volume is bound to it'],
      },
    ];
  }
}

/** How every workload, Job and awaited volume of a cluster fares, by name. */
export const healthOf = (state: ClusterState): readonly Health[] => new Judge(state).all();
