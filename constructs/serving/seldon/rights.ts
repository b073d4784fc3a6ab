import type { k8s } from 'cdk8s-plus-27';

const read = ['get', 'list', 'watch'];
const write = ['create', 'update', 'patch', 'delete'];
const seldon = 'machinelearning.seldon.io';

/** What the operator watches everywhere, because its caches know no namespaces. Secrets aren't among it. */
export const clusterRules: k8s.PolicyRule[] = [
  { apiGroups: [''], resources: ['namespaces', 'configmaps', 'services'], verbs: read },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: read },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: read },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: read },
  { apiGroups: [seldon], resources: ['seldondeployments'], verbs: read },
];

/** What it does in the namespace of a team. */
export const teamRules: k8s.PolicyRule[] = [
  { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['services'], verbs: write },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: write },
  { apiGroups: ['apps'], resources: ['deployments/status'], verbs: ['get'] },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: write },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: write },
  { apiGroups: [seldon], resources: ['seldondeployments/status'], verbs: ['get', 'update', 'patch'] },
  { apiGroups: [seldon], resources: ['seldondeployments/finalizers'], verbs: ['update'] },
];

/** Which of two operators works is told by a lease in their own namespace. */
export const leaderRules: k8s.PolicyRule[] = [
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: [...read, 'create', 'update', 'patch'],
  },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
];
