import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import type { Pods } from './pods.ts';

/** Who reaches a Service: pods and nodes of the cluster, or whoever reaches the load balancer that the cluster gives it. */
export type ServiceReach =
  | { readonly kind: 'clusterIP' }
  | { readonly kind: 'loadBalancer'; readonly annotations: Readonly<Record<string, string>> };

export interface ServiceProps {
  readonly ports: Readonly<Record<string, number>>;
  /** Numbers that differ from the ports' own, by name. */
  readonly published?: Readonly<Record<string, number>> | undefined;
  readonly reach?: ServiceReach | undefined;
}

/** A Service under the workload's name. */
export const service = (
  scope: Construct,
  pods: Pods,
  { ports, published = {}, reach }: ServiceProps,
): k8s.KubeService => {
  const balanced = reach?.kind === 'loadBalancer' ? reach : undefined;
  return new k8s.KubeService(scope, 'Service', {
    metadata: {
      name: pods.name,
      labels: { ...pods.labels },
      ...(balanced === undefined ? {} : { annotations: { ...balanced.annotations } }),
    },
    spec: {
      ...(balanced === undefined ? {} : { type: 'LoadBalancer' }),
      selector: { ...pods.labels },
      ports: Object.entries(ports).map(([name, port]) => ({
        name,
        port: published[name] ?? port,
        targetPort: k8s.IntOrString.fromNumber(port),
      })),
    },
  });
};
