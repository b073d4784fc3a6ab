import type { Step } from './policy.ts';

/** `promoted`: it serves; `rolledBack`: what served before still does; `refused`: nothing was ever deployed. */
export type Outcome = 'promoted' | 'rolledBack' | 'refused';

/**
 * Where a rollout is. `deploying`: its predictor isn't ready yet. `step`: it gets requests, or copies, as its step says.
 * `ending`: how it ends is decided, and the loser finishes what it has. `done`: the loser is gone.
 */
export type Phase = 'deploying' | 'step' | 'ending' | 'done';

/** A version on its way. Everything that is needed to go on after a crash is in it. */
export interface Rollout {
  readonly id: string;
  readonly team: string;
  readonly model: string;
  readonly version: string;
  /** Who served when it began; null: nobody. */
  readonly stable: string | null;
  /** As the policy was when it began. */
  readonly steps: readonly Step[];
  readonly phase: Phase;
  /** Index of the step that it is in, or comes to next. */
  readonly step: number;
  /** When the phase or step took effect, in milliseconds; null: what it needs isn't applied yet. */
  readonly since: number | null;
  /** Since when nothing could be measured; null: it can. */
  readonly blindSince: number | null;
  /** The step that somebody has approved. */
  readonly approved: number | null;
  /** Somebody, or another version, wants it to end: why. */
  readonly stopReason: string | null;
  readonly outcome: Outcome | null;
  readonly reason: string | null;
  /** Raised with every change; whoever writes an older one has lost. */
  readonly revision: number;
}

/** What the cluster says of the candidate's pods. */
export type PodsState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'starting'; readonly why?: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly why: string };

/** What labels said of a version's predictions. */
export interface Labelled {
  /** Rows whose labels have come. */
  readonly rows: number;
  readonly wrong: number;
  /** Sum of absolute errors, of a model of numbers. */
  readonly error: number;
}

/** What Prometheus says of the candidate since its step began. */
export interface Measured {
  readonly requests: number;
  readonly failures: number;
  /** Copies whose answers differ; of shadows only. */
  readonly differing: number;
  /** Seconds at the gates' quantile; null: too few to tell. */
  readonly seconds: number | null;
  readonly stableSeconds: number | null;
  readonly labelled: Labelled;
  readonly stableLabelled: Labelled;
  /** What happened later isn't in it yet. In milliseconds. */
  readonly until: number;
}

/** What is decided upon; the clock included. */
export interface Observation {
  /** In milliseconds. */
  readonly now: number;
  readonly pods: PodsState;
  /** Undefined: it can't be measured right now. */
  readonly measured: Measured | undefined;
}

export type RolloutEvent =
  | 'ready'
  | 'step'
  | 'passed'
  | 'approved'
  | 'quiet'
  | 'promoting'
  | 'rollingBack'
  | 'finished';

/** A decision as the audit keeps it. */
export interface Entry {
  readonly event: RolloutEvent;
  readonly detail: Readonly<Record<string, unknown>>;
}

export const unlabelled: Labelled = { rows: 0, wrong: 0, error: 0 };

export const isActive = ({ phase }: Rollout): boolean => phase !== 'done';
