import type { k8s } from 'cdk8s-plus-27';

/**
 * Pods and Secrets can't be told apart by a Role before they have names: sessionPolicy holds a client to those that
 * belong to its own pod, and to Spark's image.
 */
export const clientRules: readonly k8s.PolicyRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['create', 'get', 'list', 'watch', 'delete'] },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['create', 'delete'] },
  {
    apiGroups: ['sparkoperator.k8s.io'],
    resources: ['sparkapplications'],
    verbs: ['create', 'get', 'list', 'watch', 'delete'],
  },
];

const all = ['create', 'get', 'list', 'watch', 'update', 'patch', 'delete', 'deletecollection'];

/** What a driver makes for itself: executors, and in cluster mode the Service and settings they find it by. */
export const driverRules: readonly k8s.PolicyRule[] = [
  { apiGroups: [''], resources: ['pods', 'services', 'configmaps'], verbs: all },
];

/** What the operator and its spark-submit do in a team's namespace. */
export const operatorRules: readonly k8s.PolicyRule[] = [
  {
    apiGroups: [''],
    resources: ['pods', 'services', 'configmaps'],
    verbs: all,
  },
  { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'update', 'patch'] },
  {
    apiGroups: ['sparkoperator.k8s.io'],
    resources: ['sparkapplications', 'scheduledsparkapplications', 'sparkconnects'],
    verbs: ['create', 'get', 'list', 'watch', 'update', 'patch', 'delete'],
  },
  {
    apiGroups: ['sparkoperator.k8s.io'],
    resources: ['sparkapplications', 'scheduledsparkapplications', 'sparkconnects'].flatMap((kind) => [
      `${kind}/status`,
      `${kind}/finalizers`,
    ]),
    verbs: ['get', 'update', 'patch'],
  },
];
