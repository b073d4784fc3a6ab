import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import type { Pods } from './pods.ts';

/** A ClusterIP Service under the workload's name, with its ports' own numbers unless `published` has another. */
export const service = (
  scope: Construct,
  pods: Pods,
  ports: Readonly<Record<string, number>>,
  published: Readonly<Record<string, number>> = {},
): k8s.KubeService =>
  new k8s.KubeService(scope, 'Service', {
    metadata: { name: pods.name, labels: { ...pods.labels } },
    spec: {
      selector: { ...pods.labels },
      ports: Object.entries(ports).map(([name, port]) => ({
        name,
        port: published[name] ?? port,
        targetPort: k8s.IntOrString.fromNumber(port),
      })),
    },
  });
