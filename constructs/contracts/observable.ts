import type { Connections } from './connections.ts';

/** A port that answers Prometheus. */
export interface MetricsSource {
  readonly job: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly port: number;
  readonly path: string;
  /** The serving workload's own paths: monitoring opens its way in. */
  readonly connections: Connections;
}

/** What monitoring takes from a component, as data. */
export interface Observable {
  readonly metrics: readonly MetricsSource[];
}
