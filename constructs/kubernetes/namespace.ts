import { Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { type Construct, Dependable } from 'constructs';
import { type Peer, runTimeDataAnnotation } from '../contracts/index.ts';
import { type DataHome, defaultDeny, policyPeer } from '../kit/index.ts';

export interface PlinthNamespaceProps {
  readonly name: string;
  /** Pod Security level that the API server enforces; anything but `restricted` is a recorded exception. */
  readonly podSecurity?: 'restricted' | 'baseline';
  /** Who answers look-ups; `kubeDns` where unset. */
  readonly dns?: DnsServer;
}

export interface DnsServer {
  readonly peer: Peer;
  /** The port it listens on itself: policies see what its Service's port is translated to. */
  readonly port: number;
}

/** As kubeadm sets it up, and most providers. */
export const kubeDns: DnsServer = {
  peer: { kind: 'pods', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
  port: 53,
};

/** A namespace in which nothing may connect to anything but what a grant opens; DNS is open to all. */
export class PlinthNamespace extends Chart implements DataHome {
  readonly name: string;
  readonly #namespace: k8s.KubeNamespace;
  readonly #data = new Set<string>();

  constructor(scope: Construct, id: string, props: PlinthNamespaceProps) {
    super(scope, id, {
      disableResourceNameHashes: true,
      labels: { 'app.kubernetes.io/managed-by': 'plinth' },
    });
    this.name = props.name;
    const level = props.podSecurity ?? 'restricted';
    const namespace = new k8s.KubeNamespace(this, 'Namespace', {
      metadata: {
        name: props.name,
        labels: {
          'pod-security.kubernetes.io/enforce': level,
          'pod-security.kubernetes.io/warn': level,
          'app.kubernetes.io/part-of': 'plinth',
        },
      },
    });
    this.#namespace = namespace;
    const metadata = (name: string) => ({ name, namespace: props.name });
    const policies = [
      new k8s.KubeNetworkPolicy(this, 'DefaultDeny', {
        metadata: metadata(defaultDeny.name),
        spec: defaultDeny.spec,
      }),
      new k8s.KubeNetworkPolicy(this, 'Dns', {
        metadata: metadata('dns'),
        spec: { podSelector: {}, policyTypes: ['Egress'], egress: [lookUps(props.dns ?? kubeDns)] },
      }),
    ];
    for (const policy of policies) policy.node.addDependency(namespace);
    Dependable.implement(this, { dependencyRoots: [namespace, ...policies] });
  }

  holdsData(data: string): void {
    this.#data.add(data);
    this.#namespace.metadata.addAnnotation(runTimeDataAnnotation, [...this.#data].sort().join(','));
  }
}

const lookUps = ({ peer, port }: DnsServer): k8s.NetworkPolicyEgressRule => ({
  to: [policyPeer(peer)],
  ports: ['UDP', 'TCP'].map((protocol) => ({ protocol, port: k8s.IntOrString.fromNumber(port) })),
});
