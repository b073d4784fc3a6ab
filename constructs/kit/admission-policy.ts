import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';

const apiVersion = 'admissionregistration.k8s.io/v1';

/** A named expression of CEL. */
interface Expression {
  readonly name: string;
  readonly expression: string;
}

export interface AdmissionPolicyProps {
  /** Of the policy and of its binding. */
  readonly name: string;
  /** Whose requests are held to it. */
  readonly requester: Expression;
  readonly resources: readonly {
    readonly apiGroups: readonly string[];
    readonly apiVersions: readonly string[];
    readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE')[];
    readonly resources: readonly string[];
  }[];
  readonly variables?: readonly Expression[];
  /** All must be true; the message is what a refused request is told. */
  readonly validations: readonly { readonly expression: string; readonly message: string }[];
}

/**
 * Holds a ServiceAccount to some objects of a kind, which no Role can: that knows kinds and names, the API server here
 * also labels, owners and images. A request that can't be judged is refused.
 */
export class AdmissionPolicy extends Construct {
  constructor(scope: Construct, id: string, props: AdmissionPolicyProps) {
    super(scope, id);
    const { name, requester, resources, variables, validations } = props;
    const policy = new ApiObject(this, 'Policy', {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: resources },
        matchConditions: [requester],
        ...(variables === undefined ? {} : { variables }),
        validations,
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
