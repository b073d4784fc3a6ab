import { ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Construct, type IDependable } from 'constructs';

const apiGroup = 'rbac.authorization.k8s.io';
const admission = 'admissionregistration.k8s.io/v1';
const name = 'plinth-portal';

/** What a session's pod is known by; `plinth.spark()` of sdk/python writes it, and Spark's own policy wants it. */
const sessionLabel = 'spark.plinth.dev/client';

/** How workloads fare, and what their pods say when they don't: names, conditions and reasons. */
const health: readonly k8s.PolicyRule[] = [
  { apiGroups: ['apps'], resources: ['deployments', 'statefulsets'], verbs: ['list'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['list'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
];
const quota: k8s.PolicyRule = { apiGroups: [''], resources: ['resourcequotas'], verbs: ['list'] };
/** SessionPolicy says which pods. */
const stop: k8s.PolicyRule = { apiGroups: [''], resources: ['pods'], verbs: ['delete'] };

export interface PortalRightsProps {
  readonly account: { readonly name: string; readonly namespace: string };
  /** With the platform's own workloads. */
  readonly namespaces: readonly string[];
  readonly teams: readonly string[];
  /** Whether there are Spark sessions to stop. */
  readonly spark: boolean;
}

/** Lists what the page shows, namespace by namespace, and deletes Spark sessions of teams. */
export const portalRights = (scope: Construct, props: PortalRightsProps): readonly IDependable[] => {
  const { account, namespaces, teams, spark } = props;
  const role = (namespace: string, rules: readonly k8s.PolicyRule[]): readonly IDependable[] => {
    const metadata = { name, namespace };
    return [
      new k8s.KubeRole(scope, `${namespace}Role`, { metadata, rules: [...rules] }),
      new k8s.KubeRoleBinding(scope, `${namespace}Binding`, {
        metadata,
        roleRef: { apiGroup, kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', ...account }],
      }),
    ];
  };
  return [
    ...namespaces.flatMap((namespace) => role(namespace, health)),
    ...teams.flatMap((namespace) => role(namespace, [...health, quota, ...(spark ? [stop] : [])])),
    ...(spark ? [new SessionsOnly(scope, 'Policy', account)] : []),
  ];
};

/** A Role knows kinds and names, not labels: the API server holds the portal to pods that are Spark sessions. */
class SessionsOnly extends Construct {
  constructor(scope: Construct, id: string, account: PortalRightsProps['account']) {
    super(scope, id);
    const policy = new ApiObject(this, 'Policy', {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['*'], operations: ['DELETE'], resources: ['pods'] },
          ],
        },
        matchConditions: [
          {
            name: 'of-portal',
            expression: `request.userInfo.username == 'system:serviceaccount:${account.namespace}:${account.name}'`,
          },
        ],
        validations: [
          {
            expression: `has(oldObject.metadata.labels) && '${sessionLabel}' in oldObject.metadata.labels`,
            message: 'the portal deletes only pods of Spark sessions',
          },
        ],
      },
    });
    const binding = new ApiObject(this, 'Binding', {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    });
    binding.node.addDependency(policy);
  }
}
