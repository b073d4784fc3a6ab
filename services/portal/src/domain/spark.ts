import type { Team } from '../platform.ts';
import type { Pod } from '../upstreams/objects.ts';
import { podReasons } from './reasons.ts';

/** The label that `plinth.spark()` gives a session's pod: the uid of the pod that asked for it. */
export const clientLabel = 'spark.plinth.dev/client';
/** The annotation that the hub gives a notebook's pod. */
const personAnnotation = 'hub.jupyter.org/username';

export interface SparkSession {
  readonly team: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Whose notebook asked for it; undefined: a task or a job did. */
  readonly person: string | undefined;
  /** Name of the pod that asked for it; undefined: it has ended. */
  readonly client: string | undefined;
  readonly state: 'ready' | 'starting' | 'stopping' | 'ended';
  readonly reasons: readonly string[];
  readonly executors: number;
  readonly started: Date | undefined;
}

const stateOf = ({ metadata, status }: Pod): SparkSession['state'] => {
  if (metadata.deletionTimestamp !== undefined) return 'stopping';
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return 'ended';
  const ready = status.conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  return ready ? 'ready' : 'starting';
};

/** Sessions among a team's pods. Whose one is, is what the pod that asked for it says: the API server wrote that down. */
export const sparkSessions = (team: Team, pods: readonly Pod[]): readonly SparkSession[] =>
  pods
    .filter(({ metadata }) => metadata.labels[clientLabel] !== undefined)
    .map((pod): SparkSession => {
      const { name, uid, labels, ownerReferences, creationTimestamp } = pod.metadata;
      const client = pods.find(
        ({ metadata }) =>
          metadata.uid === labels[clientLabel] && ownerReferences.some((owner) => owner.uid === metadata.uid),
      );
      return {
        team: team.name,
        namespace: team.namespace,
        name,
        uid,
        person: client?.metadata.annotations[personAnnotation],
        client: client?.metadata.name,
        state: stateOf(pod),
        reasons: podReasons(pod),
        executors: pods.filter(({ metadata }) => metadata.ownerReferences.some((owner) => owner.uid === uid))
          .length,
        started: creationTimestamp === undefined ? undefined : new Date(creationTimestamp),
      };
    })
    .filter(({ state }) => state !== 'ended')
    .sort((a, b) => a.name.localeCompare(b.name));
