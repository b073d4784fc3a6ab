import { find, type NamedManifest } from './manifests.ts';

interface Peer {
  readonly namespaceSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports: readonly { readonly port: number }[];
}
interface Policy extends NamedManifest {
  readonly spec: { readonly ingress: readonly Rule[]; readonly egress: readonly Rule[] };
}

/** What a workload's NetworkPolicy opens, as `<namespace>/<workload>:<port>`, or `addresses:<port>`. */
export const networkPaths = (
  all: readonly NamedManifest[],
  workload: string,
  way: 'ingress' | 'egress',
): readonly string[] =>
  (find(all, 'NetworkPolicy', workload) as Policy).spec[way].flatMap(({ from, to, ports }) =>
    (from ?? to ?? []).flatMap((peer) => {
      const namespace = peer.namespaceSelector?.matchLabels['kubernetes.io/metadata.name'];
      const name = peer.podSelector?.matchLabels['app.kubernetes.io/name'];
      return ports.map(({ port }) => `${[namespace, name].filter(Boolean).join('/') || 'addresses'}:${port}`);
    }),
  );
