/** Objects as the Kubernetes API shows them, with more than the portal reads. */

export interface FakePod {
  readonly name: string;
  readonly uid: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly person?: string;
  readonly owner?: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly status?: object;
}

const ready = {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True' }],
  containerStatuses: [
    { name: 'main', image: 'localhost/plinth/x:1', ready: true, restartCount: 0, state: { running: {} } },
  ],
};

export const waiting = (reason: string, more: object = {}) => ({
  phase: 'Pending',
  containerStatuses: [
    {
      name: 'main',
      image: 'localhost/plinth/mlflow:3.17.2-0a1b2c3d',
      ready: false,
      restartCount: 5,
      state: { waiting: { reason, message: `back-off 5m0s: ${reason}` } },
      ...more,
    },
  ],
});

export const podObject = (namespace: string, pod: FakePod): object => ({
  metadata: {
    name: pod.name,
    namespace,
    uid: pod.uid,
    creationTimestamp: new Date(Date.now() - 25 * 60_000).toISOString(),
    labels: pod.labels ?? {},
    annotations: pod.person === undefined ? {} : { 'hub.jupyter.org/username': pod.person },
    ownerReferences: pod.owner === undefined ? [] : [pod.owner],
    managedFields: [{ manager: 'kubelet' }],
  },
  spec: {
    nodeName: 'lab',
    containers: [{ name: 'main', env: [{ name: 'SECRET', value: 'not for pages' }] }],
  },
  status: pod.status ?? ready,
});

export const workloadObject = (
  namespace: string,
  name: string,
  more: { readonly readyReplicas?: number; readonly conditions?: readonly object[] } = {},
): object => ({
  metadata: {
    name,
    namespace,
    uid: `uid-${namespace}-${name}`,
    labels: { 'app.kubernetes.io/component': namespace },
  },
  spec: { replicas: 1 },
  status: { replicas: 1, readyReplicas: 1, updatedReplicas: 1, conditions: [], ...more },
});

export const jobObject = (namespace: string, name: string, failure?: string): object => ({
  metadata: { name, namespace, uid: `uid-${namespace}-${name}`, labels: {} },
  spec: { completions: 1 },
  status:
    failure === undefined
      ? { succeeded: 1 }
      : {
          failed: 7,
          conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: failure }],
        },
});

export const quotaObject = (namespace: string): object => ({
  metadata: { name: 'team', namespace, uid: `uid-quota-${namespace}` },
  status: {
    hard: { 'requests.cpu': '4', 'limits.memory': '12Gi', 'requests.storage': '40Gi', pods: '20' },
    used:
      namespace === 'team-a'
        ? { 'requests.cpu': '1850m', 'limits.memory': '11776Mi', 'requests.storage': '10Gi', pods: '7' }
        : { 'requests.cpu': '100m', 'limits.memory': '1Gi', 'requests.storage': '5Gi', pods: '1' },
  },
});

const session = (name: string, client: string): FakePod => ({
  name,
  uid: `uid-${name}`,
  labels: { 'spark.plinth.dev/client': `uid-${client}` },
  owner: { kind: 'Pod', name: client, uid: `uid-${client}` },
});
const notebook = (person: string): FakePod => ({
  name: `jupyter-${person}`,
  uid: `uid-jupyter-${person}`,
  person,
});
const executor = (of: string): FakePod => ({
  name: `${of}-exec-1`,
  uid: `uid-${of}-exec-1`,
  owner: { kind: 'Pod', name: of, uid: `uid-${of}` },
});

/** Pods of each team: people's notebooks, and Spark sessions that those and a task asked for. */
export const teamPods = (): Record<string, FakePod[]> => ({
  'team-a': [
    notebook('scientist-a'),
    notebook('colleague-a'),
    session('spark-session-1a2b', 'jupyter-scientist-a'),
    executor('spark-session-1a2b'),
    session('spark-session-3c4d', 'jupyter-colleague-a'),
    { name: 'delays-etl-run', uid: 'uid-delays-etl-run' },
    session('spark-session-5e6f', 'delays-etl-run'),
  ],
  'team-b': [notebook('scientist-b'), session('spark-session-9b9b', 'jupyter-scientist-b')],
});
