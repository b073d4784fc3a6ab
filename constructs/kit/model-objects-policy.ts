import type { Construct } from 'constructs';
import { image, reference } from '../catalogue/index.ts';
import { AdmissionPolicy } from './admission-policy.ts';
import { imageRegistry } from './chart.ts';

export interface ModelObjectsPolicyProps {
  readonly name: string;
  /** An expression of CEL: whose requests are held to it. */
  readonly requester: { readonly name: string; readonly expression: string };
  /** Value of label `plinth.dev/managed-by` of all that it makes. */
  readonly managedBy: string;
  /** As messages call it. */
  readonly who: string;
}

/**
 * A Role knows kinds and names, not labels. The API server holds who deploys models to objects that carry its own label and
 * a model's, before and after the change, and their pods to the image and the identity that models have.
 */
export const modelObjectsPolicy = (
  scope: Construct,
  id: string,
  { name, requester, managedBy, who }: ModelObjectsPolicyProps,
): AdmissionPolicy => {
  const server = reference(image('model-server'), imageRegistry(scope));
  const own = (object: string): string =>
    `has(${object}.metadata.labels) && 'plinth.dev/model' in ${object}.metadata.labels && ` +
    `'plinth.dev/managed-by' in ${object}.metadata.labels && ${object}.metadata.labels['plinth.dev/managed-by'] == '${managedBy}'`;
  const pods = 'object.spec.template.spec';
  const runs = `(!has(${pods}.initContainers) || ${pods}.initContainers.all(each, each.image == '${server}')) && ${pods}.containers.all(each, each.image == '${server}')`;
  return new AdmissionPolicy(scope, id, {
    name,
    requester,
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
        message: `${who} makes and changes only what carries its label and that of a model`,
      },
      {
        expression: `request.operation == 'CREATE' || (${own('oldObject')})`,
        message: `${who} changes and deletes only what it has made for a model`,
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
