import type pg from 'pg';
import type { Step } from '../domain/policy.ts';
import type { Outcome, Phase, Rollout } from '../domain/rollout.ts';

export interface ModelName {
  readonly name: string;
  readonly team: string;
}

export interface ModelRow extends ModelName {
  /** Null: nothing is served. */
  readonly serving: string | null;
  /** The version of the alias that was last acted upon. */
  readonly acted: string | null;
}

/** Who requests rollouts when nobody does by hand. */
export const byAlias = 'registry';

export const modelColumns = 'name, team, serving_version as serving, acted_version as acted';

export interface OutcomeCount {
  readonly model: string;
  readonly outcome: Outcome;
  readonly count: number;
}

/** A rollout with what people and the registry are told of it. */
export interface RolloutRow extends Rollout {
  readonly runId: string | null;
  readonly source: string | null;
  readonly requestedBy: string;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

export interface NewRollout {
  readonly team: string;
  readonly model: string;
  readonly version: string;
  readonly runId: string | null;
  readonly source: string | null;
  readonly requestedBy: string;
  readonly steps: readonly Step[];
  /** Set: it is refused, for this reason, and never begins. */
  readonly refusal?: string;
  /** False: the alias says something else, and what it says has been acted upon. */
  readonly byAlias: boolean;
}

/** Somebody else has written the rollout since it was read: read it again. */
export class Outdated extends Error {
  override readonly name = 'Outdated';
}

export interface RawRollout {
  readonly id: string;
  readonly team: string;
  readonly model: string;
  readonly version: string;
  readonly run_id: string | null;
  readonly source: string | null;
  readonly requested_by: string;
  readonly stable: string | null;
  readonly steps: readonly Step[];
  readonly phase: Phase;
  readonly step: number;
  readonly since: Date | null;
  readonly blind_since: Date | null;
  readonly approved: number | null;
  readonly stop_reason: string | null;
  readonly outcome: Outcome | null;
  readonly reason: string | null;
  readonly revision: number;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

export const rolloutOf = (raw: RawRollout): RolloutRow => ({
  id: raw.id,
  team: raw.team,
  model: raw.model,
  version: raw.version,
  stable: raw.stable,
  steps: raw.steps,
  phase: raw.phase,
  step: raw.step,
  since: raw.since?.getTime() ?? null,
  blindSince: raw.blind_since?.getTime() ?? null,
  approved: raw.approved,
  stopReason: raw.stop_reason,
  outcome: raw.outcome,
  reason: raw.reason,
  revision: raw.revision,
  runId: raw.run_id,
  source: raw.source,
  requestedBy: raw.requested_by,
  createdAt: raw.created_at,
  finishedAt: raw.finished_at,
});

export interface AuditRow {
  readonly team: string;
  readonly model: string;
  readonly rollout: string | null;
  readonly actor: string;
  readonly event: string;
  readonly detail: object;
}

/** Writes down who decided what; part of the transaction that does it. */
export const audit = async (client: pg.PoolClient, row: AuditRow): Promise<void> => {
  await client.query(
    'insert into audit (team, model, rollout, actor, event, detail) values ($1, $2, $3, $4, $5, $6)',
    [row.team, row.model, row.rollout, row.actor, row.event, JSON.stringify(row.detail)],
  );
};
