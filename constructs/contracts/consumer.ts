import type { Construct, IDependable } from 'constructs';
import type { Connections, Peer } from './connections.ts';
import type { Endpoint, EndpointKind } from './endpoint.ts';

/** A workload that may be granted things: what a grant needs to know of it. */
export interface Consumer {
  /** Name of the workload, unique in its namespace. */
  readonly name: string;
  readonly namespace: string;
  /** Where objects made for the consumer belong in the tree: its own chart. */
  readonly scope: Construct;
  readonly peer: Peer;
  readonly connections: Connections;
  /** The workload starts, or rolls, only after this is in place. */
  startAfter(...needed: IDependable[]): void;
  /** Puts a Secret of its namespace into every container, as a folder; unset for who has no containers of its own. */
  mountSecret?(secret: string, path: string): void;
  /** Rolls the workload whenever the generation of these credentials changes. */
  rollWith(credential: string, generation: number): void;
}

/** Opens the path from a consumer to an endpoint, at both ends. */
export const connect = (consumer: Consumer, endpoint: Endpoint<EndpointKind>): void => {
  consumer.connections.allowTo(endpoint.peer, endpoint.port);
  endpoint.serverConnections?.allowFrom(consumer.peer, endpoint.port);
};
