import type { Duration } from 'cdk8s';
import type { Connections } from './connections.ts';

/** A port that answers Prometheus. */
export interface MetricsSource {
  readonly job: string;
  readonly namespace: string;
  /** Labels of the pods; none: every pod of the namespace that declares the port. */
  readonly labels: Readonly<Record<string, string>>;
  readonly port: number;
  readonly path: string;
  /** The serving workload's own paths: monitoring opens its way in. */
  readonly connections: Connections;
  /** The team whose series these are. Its pods are its own: there may be none, and their number of series is limited. */
  readonly team?: string;
}

/** `critical` asks somebody to act now, `warning` on the next working day. */
export type Severity = 'critical' | 'warning';

/** A condition that somebody is told of. What to do about it is in docs/runbooks/<name>.md. */
export interface Alert {
  readonly name: string;
  /** PromQL; each series that it returns is an alert. */
  readonly expr: string;
  /** How long the condition must last. */
  readonly for: Duration;
  readonly severity: Severity;
  /** One sentence; may use the labels of the series: `{{ $labels.job }}`. */
  readonly summary: string;
}

/** A series computed ahead, named `level:metric:operations`. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** What monitoring takes from a component, as data. */
export interface Observable {
  readonly metrics: readonly MetricsSource[];
  readonly recordings?: readonly RecordingRule[];
  readonly alerts?: readonly Alert[];
}
