import type pg from 'pg';
import {
  byAlias,
  type ModelName,
  type OutcomeCount,
  type RawRollout,
  type RolloutRow,
  rolloutOf,
} from './rows.ts';

/** What has been, of each model: nothing of it is ever changed. */
export class History {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** The newest first. Those of another team that had a model of this name before are that team's. */
  async rollouts({ name, team }: ModelName, limit = 50): Promise<readonly RolloutRow[]> {
    const { rows } = await this.#pool.query<RawRollout>(
      'select * from rollouts where model = $1 and team = $2 order by id desc limit $3',
      [name, team, limit],
    );
    return rows.map(rolloutOf);
  }

  /** The newest rollout that the alias has asked for of this version. */
  async asked(model: string, version: string): Promise<RolloutRow | undefined> {
    const { rows } = await this.#pool.query<RawRollout>(
      'select * from rollouts where model = $1 and version = $2 and requested_by = $3 order by id desc limit 1',
      [model, version, byAlias],
    );
    return rows[0] && rolloutOf(rows[0]);
  }

  /** How many rollouts ended how, by model; of each model every outcome, also where there is none. */
  async outcomes(): Promise<readonly OutcomeCount[]> {
    const { rows } = await this.#pool.query<OutcomeCount>(
      `select m.name as model, o.outcome, count(r.id)::int as count
       from models m cross join (values ('promoted'), ('rolledBack'), ('refused')) as o (outcome)
       left join rollouts r on r.model = m.name and r.outcome = o.outcome and r.finished_at is not null
       group by 1, 2`,
    );
    return rows;
  }

  /**
   * The version that served before this one was brought in by its alias; undefined: none. What was brought back by hand
   * isn't asked: before it there was what somebody wanted to be rid of.
   */
  async servedBefore({ name, team }: ModelName, version: string): Promise<string | undefined> {
    const { rows } = await this.#pool.query<{ stable: string | null }>(
      `select stable from rollouts where model = $1 and team = $2 and version = $3 and outcome = 'promoted'
         and requested_by = $4 order by id desc limit 1`,
      [name, team, version, byAlias],
    );
    return rows[0]?.stable ?? undefined;
  }

  async audit({ name, team }: ModelName, limit = 200): Promise<readonly object[]> {
    const { rows } = await this.#pool.query<object>(
      `select at, rollout, actor, event, detail from audit where model = $1 and team = $2
       order by id desc limit $3`,
      [name, team, limit],
    );
    return rows;
  }
}
