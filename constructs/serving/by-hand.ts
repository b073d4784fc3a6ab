import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { teamRoutesName } from '../contracts/index.ts';
import { AdmissionPolicy, modelObjectsPolicy, role } from '../kit/index.ts';

const name = 'models-by-hand';
const managed = ['get', 'list', 'create', 'patch', 'delete'];

/** Label of what somebody of the team deploys; sdk/python sets it. */
const managedBy = 'hand';

export interface ByHandProps {
  readonly namespace: string;
  /** ServiceAccount of the pods in which people and pipelines work. */
  readonly account: string;
  /** ConfigMap with the templates of predictors. */
  readonly templates: string;
}

/**
 * Lets a team's own pods put models into service: predictors of the platform's template, and routes of the team's own,
 * which the inference gateway reads beside the platform's.
 */
export const byHand = (scope: Construct, { namespace, account, templates }: ByHandProps): void => {
  new k8s.KubeConfigMap(scope, 'Routes', { metadata: { name: teamRoutesName } });
  role(scope, 'ByHand', {
    name,
    namespace,
    account: { name: account, namespace },
    rules: [
      { apiGroups: ['apps'], resources: ['deployments'], verbs: managed },
      { apiGroups: [''], resources: ['services'], verbs: managed },
      { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: managed },
      { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: managed },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: [templates], verbs: ['get'] },
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: [teamRoutesName],
        verbs: ['get', 'patch'],
      },
    ],
  });
  modelObjectsPolicy(scope, 'ByHandPolicy', {
    name: `plinth-${name}-${namespace}`,
    requester: {
      name: 'of-team',
      expression: `request.userInfo.username == 'system:serviceaccount:${namespace}:${account}'`,
    },
    managedBy,
    who: 'a team',
  });
  // A route leads to Services of the team's namespace: none of them may be another name for somebody else's.
  new AdmissionPolicy(scope, 'ServicesPolicy', {
    name: `plinth-own-services-${namespace}`,
    requester: { name: 'in-team', expression: `request.namespace == '${namespace}'` },
    resources: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE', 'UPDATE'],
        resources: ['services'],
      },
    ],
    validations: [
      {
        expression: "!has(object.spec.type) || object.spec.type != 'ExternalName'",
        message: 'a Service of a team has pods of its own and no externalName',
      },
      {
        // Whoever names one gets the packets that others send there.
        expression: '!has(object.spec.externalIPs) || object.spec.externalIPs.size() == 0',
        message: 'a Service of a team has no externalIPs',
      },
    ],
  });
};
