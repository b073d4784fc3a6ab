import type { Connections, Peer } from './connections.ts';

/** What is spoken at an endpoint; a database's address can't be passed where an object store's is expected. */
export type EndpointKind = 'postgres' | 's3' | 'http' | 'https' | 'kubernetes';

/** An address inside the cluster or outside, with what a NetworkPolicy needs to open the path to it. */
export interface Endpoint<Kind extends EndpointKind> {
  readonly kind: Kind;
  readonly host: string;
  readonly port: number;
  readonly peer: Peer;
  /** The serving workload's own paths; absent where the server isn't Plinth's and asks nobody. */
  readonly serverConnections?: Connections;
}
