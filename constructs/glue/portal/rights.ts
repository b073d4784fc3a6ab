import type { k8s } from 'cdk8s-plus-27';
import type { Construct, IDependable } from 'constructs';
import { AdmissionPolicy, role } from '../../kit/index.ts';

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
/** The admission policy says which pods. */
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
  const rights = (namespace: string, rules: readonly k8s.PolicyRule[]): readonly IDependable[] =>
    role(scope, namespace, { name, namespace, account, rules });
  return [
    ...namespaces.flatMap((namespace) => rights(namespace, health)),
    ...teams.flatMap((namespace) => rights(namespace, [...health, quota, ...(spark ? [stop] : [])])),
    ...(spark ? [sessionsOnly(scope, account)] : []),
  ];
};

/** A Role knows kinds and names, not labels: the API server holds the portal to pods that are Spark sessions. */
const sessionsOnly = (scope: Construct, account: PortalRightsProps['account']): AdmissionPolicy =>
  new AdmissionPolicy(scope, 'Policy', {
    name,
    requester: {
      name: 'of-portal',
      expression: `request.userInfo.username == 'system:serviceaccount:${account.namespace}:${account.name}'`,
    },
    resources: [{ apiGroups: [''], apiVersions: ['*'], operations: ['DELETE'], resources: ['pods'] }],
    validations: [
      {
        expression: `has(oldObject.metadata.labels) && '${sessionLabel}' in oldObject.metadata.labels`,
        message: 'the portal deletes only pods of Spark sessions',
      },
    ],
  });
