/** An object of the lab's own system, which `kubectl apply` makes. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string } & Record<string, unknown>;
  readonly [field: string]: unknown;
}

/** The security context of a container that Pod Security `restricted` lets in. */
export const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

export const labels = (app: string): Readonly<Record<string, string>> => ({ 'app.kubernetes.io/name': app });

export const deployment = (
  name: string,
  namespace: string,
  pod: Readonly<Record<string, unknown>>,
  podLabels: Readonly<Record<string, string>> = {},
): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace, labels: labels(name) },
  spec: {
    replicas: 1,
    strategy: { type: 'Recreate' },
    selector: { matchLabels: labels(name) },
    template: {
      metadata: { labels: { ...labels(name), ...podLabels } },
      spec: { serviceAccountName: name, ...pod },
    },
  },
});

export const serviceAccount = (name: string, namespace: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace },
});

type Rule = Readonly<Record<'apiGroups' | 'resources' | 'verbs', readonly string[]>>;

export const rbac = 'rbac.authorization.k8s.io';

export const clusterRole = (
  account: string,
  namespace: string,
  rules: readonly Rule[],
): readonly KubernetesObject[] => {
  // Cluster-wide names are everybody's: the platform may bring a role of the same short name.
  const name = `plinth-lab-${account}`;
  return [
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    },
  ];
};

/** A file's worth of objects, as `kubectl apply -f -` reads it. */
export const asList = (items: readonly KubernetesObject[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
