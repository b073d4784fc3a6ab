import type { NamespaceState } from '../upstreams/cluster.ts';
import type { Job, Pod, Workload } from '../upstreams/objects.ts';
import { podReasons } from './reasons.ts';

/** How a workload of the platform fares. */
export interface Health {
  readonly namespace: string;
  readonly name: string;
  /** What part of the platform it is, by its own label. */
  readonly component: string;
  /** `starting` is on its way and nothing is wrong yet. */
  readonly state: 'well' | 'starting' | 'ill';
  /** As in `1 of 2 ready`. */
  readonly told: string;
  /** Why it isn't well, in sentences, most telling first. */
  readonly reasons: readonly string[];
}

const named = ({ metadata }: Workload | Job) => ({
  namespace: metadata.namespace,
  name: metadata.name,
  component: metadata.labels['app.kubernetes.io/component'] ?? metadata.namespace,
});

const sentence = (text: string): string => {
  const whole = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
};
const unique = (list: readonly string[]): readonly string[] => [...new Set(list.map(sentence))];

/** Pods of a Deployment are its ReplicaSet's, whose name begins with the Deployment's. */
const isOf = (owner: Workload | Job, pod: Pod): boolean =>
  pod.metadata.ownerReferences.some(
    ({ kind, name, uid }) =>
      uid === owner.metadata.uid ||
      (kind === 'ReplicaSet' && name.replace(/-[a-z0-9]+$/, '') === owner.metadata.name),
  );

export const isWell = ({ spec, status }: Workload): boolean =>
  status.readyReplicas >= spec.replicas && status.updatedReplicas >= spec.replicas;

const jobFailure = ({ status }: Job) =>
  status.conditions.find(({ type, status: value }) => type === 'Failed' && value === 'True');
const isDone = ({ spec, status }: Job): boolean => status.succeeded >= spec.completions;

/** Whether anything there isn't well: then its pods tell why. */
export const needsPods = ({ workloads, jobs }: NamespaceState): boolean =>
  workloads.some((each) => !isWell(each)) || jobs.some((each) => !isDone(each));

const workloadHealth = (workload: Workload, pods: readonly Pod[]): Health => {
  const { spec, status } = workload;
  const told =
    spec.replicas === 0
      ? 'switched off'
      : `${Math.min(status.readyReplicas, spec.replicas)} of ${spec.replicas} ready`;
  if (isWell(workload)) return { ...named(workload), state: 'well', told, reasons: [] };
  const own = pods.filter((pod) => isOf(workload, pod));
  const condition = (type: string, value: string) =>
    status.conditions.find((each) => each.type === type && each.status === value)?.message;
  const refused = condition('ReplicaFailure', 'True');
  const late = condition('Progressing', 'False');
  const reasons = unique([
    ...own.flatMap(podReasons),
    ...(refused === undefined ? [] : [`its pods are refused: ${refused}`]),
  ]);
  if (reasons.length > 0) return { ...named(workload), state: 'ill', told, reasons };
  if (late !== undefined)
    return { ...named(workload), state: 'ill', told, reasons: unique([`it takes too long: ${late}`]) };
  const hint = own.length === 0 ? 'It has no pods yet.' : 'Its pods are starting.';
  return { ...named(workload), state: 'starting', told, reasons: [hint] };
};

const jobHealth = (job: Job, pods: readonly Pod[]): Health => {
  const failure = jobFailure(job);
  const troubles = pods.filter((pod) => isOf(job, pod)).flatMap(podReasons);
  if (failure === undefined && troubles.length === 0)
    return { ...named(job), state: 'starting', told: 'running', reasons: [] };
  const why = failure === undefined ? [] : [failure.message || failure.reason];
  return {
    ...named(job),
    state: 'ill',
    told: failure === undefined ? 'running' : 'failed',
    reasons: unique([...troubles, ...why]),
  };
};

const order = { ill: 0, starting: 1, well: 2 } as const;

/** Every workload of a namespace, and Jobs that aren't done: the ill ones first, each with why. */
export const healthOf = ({ workloads, jobs }: NamespaceState, pods: readonly Pod[]): readonly Health[] =>
  [
    ...workloads.map((each) => workloadHealth(each, pods)),
    ...jobs.filter((each) => !isDone(each)).map((each) => jobHealth(each, pods)),
  ].sort(byUrgency);

export const byUrgency = (a: Health, b: Health): number =>
  order[a.state] - order[b.state] || a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name);
