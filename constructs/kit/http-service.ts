import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import type { Endpoint, EndpointKind, MetricsSource } from '../contracts/index.ts';
import type { ContainerProps } from './pod.ts';
import type { Pods } from './pods.ts';
import { type ServiceReach, service } from './service.ts';
import { spread } from './spread.ts';

export interface HttpServiceProps {
  readonly pods: Pods;
  /** The first one's ports are the Service's. */
  readonly containers: readonly ContainerProps[];
  /** Two and more are spread over zones and nodes, and drained one by one. Unset: an autoscaler owns the number. */
  readonly replicas?: number;
  /** Port numbers of the Service that differ from the container's own, by name: 443 needs a privilege there. */
  readonly publishedPorts?: Readonly<Record<string, number>>;
  /** Unset: the cluster alone. */
  readonly reach?: ServiceReach;
  /** Seconds a pod goes on answering after it was told to stop, until clients have noticed. */
  readonly drainSeconds?: number;
}

/** Replicas without state behind a Service; a rollout never has fewer than `replicas` ready. */
export class HttpService extends Construct {
  readonly pods: Pods;
  readonly deployment: k8s.KubeDeployment;
  readonly #ports: Readonly<Record<string, number>>;

  constructor(scope: Construct, id: string, props: HttpServiceProps) {
    super(scope, id);
    const { pods, replicas } = props;
    this.pods = pods;
    this.#ports = props.containers[0]?.ports ?? {};
    const several = replicas === undefined || replicas > 1;
    this.deployment = new DrainedDeployment(this, 'Deployment', props.drainSeconds ?? 5, {
      metadata: { name: pods.name },
      spec: {
        replicas,
        selector: { matchLabels: { ...pods.labels } },
        strategy: {
          type: 'RollingUpdate',
          rollingUpdate: {
            maxUnavailable: k8s.IntOrString.fromNumber(0),
            maxSurge: k8s.IntOrString.fromNumber(1),
          },
        },
        template: pods.template(
          props.containers,
          several ? { topologySpreadConstraints: spread(pods.labels) } : {},
        ),
      },
    });
    pods.runBy(this.deployment);
    service(this, pods, { ports: this.#ports, published: props.publishedPorts, reach: props.reach });
    if (several)
      new k8s.KubePodDisruptionBudget(this, 'PodDisruptionBudget', {
        metadata: { name: pods.name },
        spec: {
          maxUnavailable: k8s.IntOrString.fromNumber(1),
          selector: { matchLabels: { ...pods.labels } },
        },
      });
  }

  endpoint<Kind extends EndpointKind>(kind: Kind, port: string): Endpoint<Kind> {
    return serviceEndpoint(this.pods, kind, portOf(this.#ports, this.pods.name, port));
  }

  metrics(port: string, path = '/metrics'): MetricsSource {
    const { name, namespace, labels, connections } = this.pods;
    return { job: name, namespace, labels, port: portOf(this.#ports, name, port), path, connections };
  }
}

/**
 * `sleep` of preStop needs no shell in the image, but is younger than the typed API of cdk8s-plus-27, which drops
 * what it doesn't know after every JSON patch.
 */
class DrainedDeployment extends k8s.KubeDeployment {
  readonly #seconds: number;

  constructor(scope: Construct, id: string, seconds: number, props: k8s.KubeDeploymentProps) {
    super(scope, id, props);
    this.#seconds = seconds;
  }

  override toJson() {
    const manifest = super.toJson();
    manifest.spec.template.spec.containers[0].lifecycle = { preStop: { sleep: { seconds: this.#seconds } } };
    return manifest;
  }
}

export const portOf = (ports: Readonly<Record<string, number>>, name: string, port: string): number => {
  const number = ports[port];
  if (number === undefined)
    throw new Error(`${name} has no port '${port}'; it has ${Object.keys(ports).join(', ')}`);
  return number;
};

export const serviceEndpoint = <Kind extends EndpointKind>(
  pods: Pods,
  kind: Kind,
  port: number,
): Endpoint<Kind> => ({
  kind,
  host: `${pods.name}.${pods.namespace}.svc.cluster.local`,
  port,
  peer: pods.peer,
  serverConnections: pods.connections,
});
