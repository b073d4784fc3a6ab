import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import type { Endpoint, EndpointKind, MetricsSource } from '../contracts/index.ts';
import { portOf, serviceEndpoint } from './http-service.ts';
import type { ContainerProps } from './pod.ts';
import type { Pods } from './pods.ts';
import { service } from './service.ts';

export interface StatefulServiceProps {
  readonly pods: Pods;
  /** The first one's ports are the Service's. */
  readonly containers: readonly ContainerProps[];
}

/**
 * One pod that owns its volumes. A StatefulSet, because it never runs two pods at once, with volumes mounted by
 * explicit claims: a template's claims have names that nobody reviews.
 */
export class StatefulService extends Construct {
  readonly pods: Pods;
  readonly statefulSet: k8s.KubeStatefulSet;
  readonly #ports: Readonly<Record<string, number>>;

  constructor(scope: Construct, id: string, props: StatefulServiceProps) {
    super(scope, id);
    const { pods, containers } = props;
    this.pods = pods;
    this.#ports = containers[0]?.ports ?? {};
    this.statefulSet = new k8s.KubeStatefulSet(this, 'StatefulSet', {
      metadata: { name: pods.name },
      spec: {
        replicas: 1,
        serviceName: pods.name,
        selector: { matchLabels: { ...pods.labels } },
        template: pods.template(containers),
      },
    });
    pods.runBy(this.statefulSet);
    const claims = containers
      .flatMap((each) => each.mounts ?? [])
      .flatMap(({ from }) => (from.kind === 'claim' ? [from.claim] : []));
    pods.startAfter(...claims);
    service(this, pods, { ports: this.#ports });
  }

  endpoint<Kind extends EndpointKind>(kind: Kind, port: string): Endpoint<Kind> {
    return serviceEndpoint(this.pods, kind, portOf(this.#ports, this.pods.name, port));
  }

  metrics(port: string, path = '/metrics'): MetricsSource {
    const { name, namespace, labels, connections } = this.pods;
    return { job: name, namespace, labels, port: portOf(this.#ports, name, port), path, connections };
  }
}
