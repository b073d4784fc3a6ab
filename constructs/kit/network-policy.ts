import { k8s } from 'cdk8s-plus-27';
import type { Connections, Path, Peer } from '../contracts/index.ts';

export const policyPeer = (peer: Peer): k8s.NetworkPolicyPeer => {
  switch (peer.kind) {
    case 'pods':
      return {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': peer.namespace } },
        podSelector: { matchLabels: { ...peer.labels } },
      };
    case 'namespace':
      return { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': peer.namespace } } };
    case 'addresses':
      return { ipBlock: { cidr: peer.cidr } };
    default:
      return peer satisfies never;
  }
};

const policyPorts = ({ ports }: Path): k8s.NetworkPolicyPort[] =>
  ports.map((port) => ({ protocol: 'TCP', port: k8s.IntOrString.fromNumber(port) }));

/** Exactly the declared paths: with the namespace's default deny, everything else is refused. */
export const networkPolicySpec = (
  labels: Readonly<Record<string, string>>,
  connections: Connections,
): k8s.NetworkPolicySpec => ({
  podSelector: { matchLabels: { ...labels } },
  policyTypes: ['Ingress', 'Egress'],
  ingress: connections.ingress.map((path) => ({ from: [policyPeer(path.peer)], ports: policyPorts(path) })),
  egress: connections.egress.map((path) => ({ to: [policyPeer(path.peer)], ports: policyPorts(path) })),
});

/** What every namespace of Plinth has: nothing connects to anything but what a grant opens. */
export const defaultDeny = {
  name: 'default-deny',
  spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
};
