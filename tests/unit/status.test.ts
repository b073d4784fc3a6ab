import type { CoreV1Event, V1Deployment, V1Job, V1Pod } from '@kubernetes/client-node';
import { type ClusterState, type Health, healthOf } from '../../platform/cli/health.ts';

const meta = (name: string, more: object = {}) => ({
  name,
  namespace: 'mlflow',
  uid: `uid-${name}`,
  ...more,
});
const empty: ClusterState = {
  namespaces: [{ metadata: { name: 'mlflow', labels: { 'app.kubernetes.io/part-of': 'plinth' } } }],
  deployments: [],
  statefulSets: [],
  daemonSets: [],
  jobs: [],
  pods: [],
  claims: [],
  events: [],
};
const deployment = (ready: number, updated = ready): V1Deployment => ({
  metadata: meta('mlflow'),
  spec: { replicas: 1, selector: {}, template: {} },
  status: { readyReplicas: ready, updatedReplicas: updated },
});
const pod = (status: V1Pod['status']): V1Pod => ({
  metadata: meta('mlflow-5d9c7b-x1', {
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'mlflow-5d9c7b', uid: 'uid-rs' }],
  }),
  ...(status === undefined ? {} : { status }),
});
const container = (state: object, more: object = {}) => ({
  name: 'server',
  image: 'x',
  imageID: 'x',
  ready: false,
  restartCount: 0,
  state,
  ...more,
});
const only = (state: Partial<ClusterState>): Health => {
  const [health, ...others] = healthOf({ ...empty, ...state });
  expect(others).toEqual([]);
  if (health === undefined) throw new Error('nothing was told');
  return health;
};

describe('how a workload fares', () => {
  test('well when every replica is ready and of the latest version', () => {
    expect(only({ deployments: [deployment(1)] })).toMatchObject({
      object: 'Deployment mlflow/mlflow',
      ours: true,
      ill: false,
      state: '1/1 ready',
    });
    expect(only({ deployments: [deployment(1, 0)] }).ill).toBe(true);
  });

  test('ill with what its container waits for, and who can say more', () => {
    const status = {
      containerStatuses: [
        container(
          { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
          { restartCount: 3, lastState: { terminated: { exitCode: 2, reason: 'Error' } } },
        ),
      ],
    };
    expect(only({ deployments: [deployment(0)], pods: [pod(status)] })).toMatchObject({
      ill: true,
      state: '0/1 ready',
      reasons: [
        'container server: CrashLoopBackOff: back-off 40s',
        'container server ended with 2 (Error), 3 restarts',
      ],
      speaker: { pod: 'mlflow-5d9c7b-x1', container: 'server', previous: true },
    });
  });

  test('ill because nothing schedules its pod, or because its probe fails', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes: no memory' },
    ];
    const unschedulable = only({ deployments: [deployment(0)], pods: [pod({ conditions })] });
    expect(unschedulable.reasons).toEqual(['Unschedulable: 0/1 nodes: no memory']);
    const running = pod({ containerStatuses: [container({ running: {} })] });
    expect(only({ deployments: [deployment(0)], pods: [running] }).reasons).toEqual([
      "container server runs, but its readiness probe doesn't pass",
    ]);
  });

  test('ill because its pods are refused, as the event of its ReplicaSet says', () => {
    const event: CoreV1Event = {
      metadata: {},
      type: 'Warning',
      reason: 'FailedCreate',
      message: 'violates PodSecurity "restricted"',
      involvedObject: { kind: 'ReplicaSet', name: 'mlflow-5d9c7b', namespace: 'mlflow' },
    };
    expect(only({ deployments: [deployment(0)], events: [event] }).reasons).toEqual([
      'FailedCreate: violates PodSecurity "restricted"',
    ]);
  });
});

describe('how a Job fares', () => {
  const job = (status: V1Job['status']): V1Job => ({
    metadata: meta('migrate'),
    spec: { template: {} },
    ...(status === undefined ? {} : { status }),
  });

  test('done, running, or failed with the pod whose last lines tell why', () => {
    expect(only({ jobs: [job({ succeeded: 1 })] })).toMatchObject({ ill: false, state: 'done' });
    expect(only({ jobs: [job({ active: 1 })] })).toMatchObject({ ill: false, state: 'running' });
    const failed = job({
      conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'too often' }],
    });
    const ended: V1Pod = {
      metadata: meta('migrate-1', {
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'migrate', uid: 'uid-migrate' }],
      }),
      status: { containerStatuses: [container({ terminated: { exitCode: 1, reason: 'Error' } })] },
    };
    expect(only({ jobs: [failed], pods: [ended] })).toMatchObject({
      ill: true,
      state: 'failed',
      reasons: ['BackoffLimitExceeded: too often', 'container server ended with 1 (Error), 0 restarts'],
      speaker: { pod: 'migrate-1', container: 'server', previous: false },
    });
  });
});

describe('how a volume fares', () => {
  const claim = { metadata: meta('data'), status: { phase: 'Pending' } };
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];

  test('unbound is well until a pod waits for it', () => {
    expect(healthOf({ ...empty, claims: [claim] })).toEqual([]);
    const waiting: V1Pod = { metadata: meta('server'), spec: { containers: [], volumes } };
    expect(only({ claims: [claim], pods: [waiting] })).toMatchObject({
      object: 'PersistentVolumeClaim mlflow/data',
      ill: true,
      state: 'pending',
    });
  });
});
