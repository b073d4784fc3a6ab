import type { k8s } from 'cdk8s-plus-27';
import type { Construct, IDependable } from 'constructs';
import { image, reference } from '../../catalogue/index.ts';
import { AdmissionPolicy, imageRegistry, role } from '../../kit/index.ts';

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

/**
 * A Role knows kinds and names, not labels. The API server holds the promoter to objects that carry its own label and
 * a model's, before and after the change, and their pods to the image and the identity that models have.
 */
const promotionPolicy = (scope: Construct, account: PromoterRightsProps['account']): AdmissionPolicy => {
  const server = reference(image('model-server'), imageRegistry(scope));
  const own = (object: string): string =>
    `has(${object}.metadata.labels) && 'plinth.dev/model' in ${object}.metadata.labels && ` +
    `'plinth.dev/managed-by' in ${object}.metadata.labels && ${object}.metadata.labels['plinth.dev/managed-by'] == 'promoter'`;
  const pods = 'object.spec.template.spec';
  const runs = `(!has(${pods}.initContainers) || ${pods}.initContainers.all(each, each.image == '${server}')) && ${pods}.containers.all(each, each.image == '${server}')`;
  return new AdmissionPolicy(scope, 'Policy', {
    name,
    requester: {
      name: 'of-promoter',
      expression: `request.userInfo.username == 'system:serviceaccount:${account.namespace}:${account.name}'`,
    },
    resources: (
      [
        ['', 'services'],
        ['apps', 'deployments'],
        ['policy', 'poddisruptionbudgets'],
        ['autoscaling', 'horizontalpodautoscalers'],
      ] as const
    ).map(([group, resource]) => ({
      apiGroups: [group],
      apiVersions: ['*'],
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      resources: [resource],
    })),
    validations: [
      {
        expression: `request.operation == 'DELETE' || (${own('object')})`,
        message: 'the promoter makes and changes only what carries its label and that of a model',
      },
      {
        expression: `request.operation == 'CREATE' || (${own('oldObject')})`,
        message: 'the promoter changes and deletes only what it has made for a model',
      },
      {
        expression: `request.operation == 'DELETE' || request.resource.resource != 'deployments' || (${runs})`,
        message: `models run on ${server} and nothing else`,
      },
      {
        expression: `request.operation == 'DELETE' || request.resource.resource != 'deployments' || ${pods}.serviceAccountName == 'models'`,
        message: 'models run as ServiceAccount models',
      },
    ],
  });
};
