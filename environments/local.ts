import type { EnvironmentInput } from '../platform/spec.ts';

/** The lab on one machine: everything in the cluster, one replica each. */
export default {
  domain: 'plinth.localhost',
  kubernetes: { version: '1.35', api: { cidr: '10.204.0.1/32', port: 6443 } },
  postgres: { kind: 'inCluster', storageGiB: 5 },
  objectStore: { kind: 'inCluster', storageGiB: 10 },
  gateway: { kind: 'traefik' },
  identity: {
    kind: 'keycloak',
    accounts: [
      { name: 'platform-admin', groups: ['platform-admins'] },
      { name: 'scientist-a', groups: ['team-a'] },
      { name: 'scientist-b', groups: ['team-b'] },
    ],
  },
  mlflow: { kind: 'on', workers: 1 },
  notebooks: {
    kind: 'on',
    sizes: [
      { name: 'small', cpu: 0.05, memoryGiB: 2 },
      { name: 'large', cpu: 0.5, memoryGiB: 16 },
    ],
    homeGiB: 5,
    shared: { storageGiB: 5, acrossNodes: false },
  },
  spark: {
    kind: 'on',
    // On one machine a pod that asks for more than is left isn't started at all: all ask for little, and share.
    driverMillis: 50,
    executorCoreMillis: 50,
    limitHours: 12,
    // Jobs of seconds: Java's second compiler takes more of their time than it gives.
    javaOptions: ['-XX:TieredStopAtLevel=1'],
  },
  airflow: { kind: 'on', dags: { kind: 'examples' } },
  monitoring: { kind: 'on', storageGiB: 5, retentionDays: 7, nodeCidr: '10.204.0.0/24' },
  serving: { kind: 'mlserver', replicas: 2 },
  predictionLog: { kind: 'on' },
  promoter: {
    kind: 'on',
    // Minutes are too long to wait on one machine, and its models are small.
    policy: {
      steps: [
        { kind: 'shadow', seconds: 30 },
        { kind: 'canary', weight: 25, seconds: 45 },
      ],
      gates: { requests: 20, quietSeconds: 120 },
      cpu: 0.03,
    },
    models: {
      // A person lets each of its versions through; the portal has a button for it.
      'portal-approved': { steps: [{ kind: 'approval' }], gates: { requests: 0 }, cpu: 0.03 },
    },
    retrain: { kind: 'on', periodMinutes: 10 },
  },
  grafana: { kind: 'on' },
  portal: { kind: 'on' },
  registry: { kind: 'on' },
  teams: [
    { name: 'team-a', database: true, limits: { cpu: 4, memoryGiB: 16, storageGiB: 40, pods: 20 } },
    { name: 'team-b', database: true, limits: { cpu: 4, memoryGiB: 16, storageGiB: 40, pods: 20 } },
  ],
} satisfies EnvironmentInput;
