import type { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { image, reference } from '../catalogue/index.ts';
import { AdmissionPolicy, imageRegistry } from '../kit/index.ts';
import { serviceAccounts } from './settings.ts';

const name = 'plinth-spark-sessions';
const uid = 'authentication.kubernetes.io/pod-uid';

/**
 * Holds clients and drivers to what is theirs, which no Role can: the API server knows from the ServiceAccount's token
 * which pod asks, so whatever that pod makes must be owned by it (and goes with it), and it may delete nothing else.
 */
export const sessionPolicy = (
  scope: Construct,
  id: string,
  props: { readonly limit: Duration },
): AdmissionPolicy => {
  const spark = reference(image('spark'), imageRegistry(scope));
  const { client, driver, executor } = serviceAccounts;
  const seconds = props.limit.toSeconds();
  return new AdmissionPolicy(scope, id, {
    name,
    requester: {
      name: 'of-spark',
      expression: `request.userInfo.username.matches('^system:serviceaccount:[^:]+:(${client}|${driver})$')`,
    },
    resources: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE', 'DELETE'],
        resources: ['pods', 'secrets'],
      },
    ],
    variables: [
      { name: 'target', expression: "request.operation == 'DELETE' ? oldObject : object" },
      {
        name: 'own',
        expression: `'${uid}' in request.userInfo.extra ? request.userInfo.extra['${uid}'][0] : ''`,
      },
      {
        name: 'pod',
        expression: "request.operation == 'CREATE' && request.resource.resource == 'pods'",
      },
      { name: 'client', expression: `request.userInfo.username.endsWith(':${client}')` },
    ],
    validations: [
      {
        expression:
          "variables.own != '' && has(variables.target.metadata.ownerReferences) && " +
          'variables.target.metadata.ownerReferences.exists(owner, owner.uid == variables.own)',
        message: 'a pod of Spark makes and deletes only what belongs to itself (ownerReferences)',
      },
      {
        expression: `!variables.pod || (!has(object.spec.initContainers) && object.spec.containers.all(each, each.image == '${spark}'))`,
        message: `a pod of Spark runs ${spark} and nothing else`,
      },
      {
        expression: `!variables.pod || object.spec.serviceAccountName == (variables.client ? '${driver}' : '${executor}')`,
        message: `a client starts drivers (${driver}), and a driver executors (${executor})`,
      },
      {
        expression:
          `!variables.pod || !variables.client || (has(object.spec.activeDeadlineSeconds) && object.spec.activeDeadlineSeconds <= ${seconds} && ` +
          'size(object.metadata.ownerReferences) == 1)',
        message: `a session has activeDeadlineSeconds of at most ${seconds} and no second owner`,
      },
    ],
  });
};
