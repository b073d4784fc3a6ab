import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';

const apiGroup = 'rbac.authorization.k8s.io';

export interface RoleProps {
  readonly name: string;
  readonly namespace: string;
  /** The ServiceAccount that has it, where it is in another namespace or has another name. */
  readonly account?: { readonly name: string; readonly namespace: string };
  readonly rules: readonly k8s.PolicyRule[];
}

/** A Role and who has it. */
export const role = (scope: Construct, id: string, props: RoleProps): readonly Construct[] => {
  const { name, namespace, rules, account = { name, namespace } } = props;
  const metadata = { name, namespace };
  return [
    new k8s.KubeRole(scope, `${id}Role`, { metadata, rules: [...rules] }),
    new k8s.KubeRoleBinding(scope, `${id}Binding`, {
      metadata,
      roleRef: { apiGroup, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    }),
  ];
};
