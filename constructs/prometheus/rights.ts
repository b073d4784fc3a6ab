import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import type { Home, Pods } from '../kit/index.ts';

export interface RightsProps {
  readonly watched: readonly Home[];
  readonly nodes: boolean;
}

const apiGroup = 'rbac.authorization.k8s.io';
const read = ['get', 'list', 'watch'];
const name = 'plinth-prometheus';

/**
 * What Prometheus may see of Kubernetes: pods of the namespaces that it watches, the API server's metrics and, where
 * asked for, the kubelets' (`nodes/metrics`, which unlike `nodes/proxy` runs nothing on a node).
 */
export const rights = (scope: Construct, pods: Pods, props: RightsProps): readonly Construct[] => {
  const subjects = [{ kind: 'ServiceAccount', name: pods.name, namespace: pods.namespace }];
  const nodeRules: readonly k8s.PolicyRule[] = [
    { apiGroups: [''], resources: ['nodes'], verbs: read },
    { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
  ];
  const cluster = [
    new k8s.KubeClusterRole(scope, 'ClusterRole', {
      metadata: { name },
      rules: [{ nonResourceUrLs: ['/metrics'], verbs: ['get'] }, ...(props.nodes ? nodeRules : [])],
    }),
    new k8s.KubeClusterRoleBinding(scope, 'ClusterRoleBinding', {
      metadata: { name },
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subjects,
    }),
  ];
  const perNamespace = props.watched.flatMap(({ name: namespace }) => {
    const metadata = { name, namespace };
    return [
      new k8s.KubeRole(scope, `Role-${namespace}`, {
        metadata,
        rules: [{ apiGroups: [''], resources: ['pods'], verbs: read }],
      }),
      new k8s.KubeRoleBinding(scope, `RoleBinding-${namespace}`, {
        metadata,
        roleRef: { apiGroup, kind: 'Role', name },
        subjects,
      }),
    ];
  });
  return [...cluster, ...perNamespace];
};
