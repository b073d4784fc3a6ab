/** The far end of a network path, in the terms of a NetworkPolicy. */
export type Peer =
  | {
      readonly kind: 'pods';
      readonly namespace: string;
      readonly labels: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'namespace'; readonly namespace: string }
  | { readonly kind: 'addresses'; readonly cidr: string };

/** One allowed path: TCP to or from a peer on these ports. */
export interface Path {
  readonly peer: Peer;
  readonly ports: readonly number[];
}

const peerKey = (peer: Peer): string => {
  switch (peer.kind) {
    case 'pods': {
      const labels = Object.entries(peer.labels).sort(([a], [b]) => (a < b ? -1 : 1));
      return `pods ${peer.namespace} ${JSON.stringify(labels)}`;
    }
    case 'namespace':
      return `namespace ${peer.namespace}`;
    case 'addresses':
      return `addresses ${peer.cidr}`;
    default:
      return peer satisfies never;
  }
};

/**
 * Collects the paths of one workload. Declaring a path twice is no error: grants overlap, and the policy is
 * rendered once, sorted, when the tree is finished.
 */
export class Connections {
  readonly #egress = new Map<string, Path>();
  readonly #ingress = new Map<string, Path>();

  allowTo(peer: Peer, ...ports: readonly number[]): void {
    Connections.#add(this.#egress, peer, ports);
  }

  allowFrom(peer: Peer, ...ports: readonly number[]): void {
    Connections.#add(this.#ingress, peer, ports);
  }

  get egress(): readonly Path[] {
    return Connections.#sorted(this.#egress);
  }

  get ingress(): readonly Path[] {
    return Connections.#sorted(this.#ingress);
  }

  static #add(paths: Map<string, Path>, peer: Peer, ports: readonly number[]): void {
    const key = peerKey(peer);
    const known = paths.get(key)?.ports ?? [];
    paths.set(key, { peer, ports: [...new Set([...known, ...ports])].sort((a, b) => a - b) });
  }

  static #sorted(paths: ReadonlyMap<string, Path>): readonly Path[] {
    return [...paths.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  }
}
