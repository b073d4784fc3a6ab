import type { k8s } from 'cdk8s-plus-27';

const own = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

/** What the operator does in namespaces of teams. Secrets aren't among it. */
export const clusterRules: k8s.PolicyRule[] = [
  { apiGroups: [''], resources: ['namespaces', 'configmaps'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['services'], verbs: own },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: own },
  { apiGroups: ['apps'], resources: ['deployments/status'], verbs: ['get'] },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: own },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: own },
  {
    apiGroups: ['machinelearning.seldon.io'],
    resources: ['seldondeployments'],
    verbs: ['get', 'list', 'watch'],
  },
  {
    apiGroups: ['machinelearning.seldon.io'],
    resources: ['seldondeployments/status'],
    verbs: ['get', 'update', 'patch'],
  },
  {
    apiGroups: ['machinelearning.seldon.io'],
    resources: ['seldondeployments/finalizers'],
    verbs: ['update'],
  },
];

/** Which of two operators works is told by a lease in their own namespace. */
export const leaderRules: k8s.PolicyRule[] = [
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch'],
  },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
];
