import { ApiObject, type Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { image, reference } from '../catalogue/index.ts';
import { imageRegistry } from '../kit/index.ts';
import { serviceAccounts } from './settings.ts';

const name = 'plinth-spark-sessions';
const uid = 'authentication.kubernetes.io/pod-uid';

/**
 * Holds clients and drivers to what is theirs, which no Role can: the API server knows from the ServiceAccount's token
 * which pod asks, so whatever that pod makes must be owned by it (and goes with it), and it may delete nothing else.
 */
export class SessionPolicy extends Construct {
  constructor(scope: Construct, id: string, props: { readonly limit: Duration }) {
    super(scope, id);
    const spark = reference(image('spark'), imageRegistry(this));
    const { client, driver, executor } = serviceAccounts;
    const seconds = props.limit.toSeconds();
    const apiVersion = 'admissionregistration.k8s.io/v1';
    const policy = new ApiObject(this, 'Policy', {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              operations: ['CREATE', 'DELETE'],
              resources: ['pods', 'secrets'],
            },
          ],
        },
        matchConditions: [
          {
            name: 'of-spark',
            expression: `request.userInfo.username.matches('^system:serviceaccount:[^:]+:(${client}|${driver})$')`,
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
      },
    });
    const binding = new ApiObject(this, 'Binding', {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    });
    binding.node.addDependency(policy);
  }
}
