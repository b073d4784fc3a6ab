import { ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Construct, type IDependable } from 'constructs';
import { image, reference } from '../../catalogue/index.ts';
import { imageRegistry } from '../../kit/index.ts';

const apiGroup = 'rbac.authorization.k8s.io';
const admission = 'admissionregistration.k8s.io/v1';
const name = 'plinth-promoter';
const managed = ['get', 'list', 'create', 'patch', 'delete'];

/** What the promoter does in a team's namespace; PromotionPolicy says which objects of these kinds. */
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
  const subjects = [{ kind: 'ServiceAccount', ...account }];
  const role = (id: string, namespace: string, rules: k8s.PolicyRule[]): readonly IDependable[] => {
    const metadata = { name, namespace };
    return [
      new k8s.KubeRole(scope, `${id}Role`, { metadata, rules }),
      new k8s.KubeRoleBinding(scope, `${id}Binding`, {
        metadata,
        roleRef: { apiGroup, kind: 'Role', name },
        subjects,
      }),
    ];
  };
  return [
    ...teams.flatMap(({ namespace, templates }) => role(namespace, namespace, teamRules(templates))),
    ...role('Routes', routes.namespace, [
      { apiGroups: [''], resources: ['configmaps'], resourceNames: [routes.name], verbs: ['get', 'patch'] },
    ]),
    new PromotionPolicy(scope, 'Policy', account),
  ];
};

/**
 * A Role knows kinds and names, not labels. The API server holds the promoter to objects that carry its own label and
 * a model's, before and after the change, and their pods to the image and the identity that models have.
 */
class PromotionPolicy extends Construct {
  constructor(scope: Construct, id: string, account: { readonly name: string; readonly namespace: string }) {
    super(scope, id);
    const server = reference(image('model-server'), imageRegistry(this));
    const own = (object: string): string =>
      `has(${object}.metadata.labels) && 'plinth.dev/model' in ${object}.metadata.labels && ` +
      `'plinth.dev/managed-by' in ${object}.metadata.labels && ${object}.metadata.labels['plinth.dev/managed-by'] == 'promoter'`;
    const pods = 'object.spec.template.spec';
    const runs = `(!has(${pods}.initContainers) || ${pods}.initContainers.all(each, each.image == '${server}')) && ${pods}.containers.all(each, each.image == '${server}')`;
    const policy = new ApiObject(this, 'Policy', {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            ['', 'services'],
            ['apps', 'deployments'],
            ['policy', 'poddisruptionbudgets'],
            ['autoscaling', 'horizontalpodautoscalers'],
          ].map(([group, resource]) => ({
            apiGroups: [group],
            apiVersions: ['*'],
            operations: ['CREATE', 'UPDATE', 'DELETE'],
            resources: [resource],
          })),
        },
        matchConditions: [
          {
            name: 'of-promoter',
            expression: `request.userInfo.username == 'system:serviceaccount:${account.namespace}:${account.name}'`,
          },
        ],
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
