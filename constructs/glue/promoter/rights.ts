import type { k8s } from 'cdk8s-plus-27';
import type { Construct, IDependable } from 'constructs';
import { type AdmissionPolicy, modelObjectsPolicy, role } from '../../kit/index.ts';

const name = 'plinth-promoter';
const managed = ['get', 'list', 'create', 'patch', 'delete'];

/** What the promoter does in a team's namespace; promotionPolicy says which objects of these kinds. */
const teamRules = (templates: string): k8s.PolicyRule[] => [
  { apiGroups: ['apps'], resources: ['deployments'], verbs: managed },
  { apiGroups: [''], resources: ['services'], verbs: managed },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: managed },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: managed },
  { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: [templates], verbs: ['get'] },
];

export interface PromoterRightsProps {
  readonly account: { readonly name: string; readonly namespace: string };
  readonly teams: readonly { readonly namespace: string; readonly templates: string }[];
  /** The one ConfigMap that it changes. */
  readonly routes: { readonly name: string; readonly namespace: string };
}

/** Roles where models run and where routes are, and the policy that holds it to models. */
export const promoterRights = (scope: Construct, props: PromoterRightsProps): readonly IDependable[] => {
  const { account, teams, routes } = props;
  const rights = (id: string, namespace: string, rules: k8s.PolicyRule[]): readonly IDependable[] =>
    role(scope, id, { name, namespace, account, rules });
  return [
    ...teams.flatMap(({ namespace, templates }) => rights(namespace, namespace, teamRules(templates))),
    ...rights('Routes', routes.namespace, [
      { apiGroups: [''], resources: ['configmaps'], resourceNames: [routes.name], verbs: ['get', 'patch'] },
    ]),
    promotionPolicy(scope, account),
  ];
};

/** Holds the promoter to what it has made for a model, and pods to the image and the identity that models have. */
const promotionPolicy = (scope: Construct, account: PromoterRightsProps['account']): AdmissionPolicy =>
  modelObjectsPolicy(scope, 'Policy', {
    name,
    requester: {
      name: 'of-promoter',
      expression: `request.userInfo.username == 'system:serviceaccount:${account.namespace}:${account.name}'`,
    },
    managedBy: 'promoter',
    who: 'the promoter',
  });
