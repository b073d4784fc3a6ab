import pg from 'pg';
import type { Entry, Rollout } from '../domain/rollout.ts';
import { withLock } from './lock.ts';
import { connectionOf } from './migrate.ts';
import {
  audit,
  type ModelRow,
  type NewRollout,
  Outdated,
  type RawRollout,
  type RolloutRow,
  rolloutOf,
} from './rows.ts';
import { transaction } from './transaction.ts';

export { type ModelRow, type NewRollout, Outdated, type RolloutRow } from './rows.ts';

const timestamp = (milliseconds: number | null): Date | null =>
  milliseconds === null ? null : new Date(milliseconds);

const modelColumns = 'name, team, serving_version as serving, acted_version as acted';

/** What the promoter remembers, in PostgreSQL: nothing that matters is only in a process. */
export class Store {
  readonly #pool: pg.Pool;

  constructor(url: string, onError: (error: Error) => void = () => {}) {
    this.#pool = new pg.Pool({
      connectionString: connectionOf(url),
      max: 8,
      connectionTimeoutMillis: 10_000,
      statement_timeout: 30_000,
    });
    // A connection that breaks while nobody uses it; the next query makes another.
    this.#pool.on('error', onError);
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async ping(): Promise<void> {
    await this.#pool.query('select 1');
  }

  /**
   * Works on a model while nobody else does, in this process or another; false where somebody is at it. The lock goes
   * with the connection, so a process that is killed holds none.
   */
  withModel(model: string, work: () => Promise<void>): Promise<boolean> {
    return withLock(this.#pool, `plinth/promoter/${model}`, work);
  }

  async models(): Promise<readonly ModelRow[]> {
    const { rows } = await this.#pool.query<ModelRow>(`select ${modelColumns} from models order by name`);
    return rows;
  }

  async model(name: string): Promise<ModelRow | undefined> {
    const { rows } = await this.#pool.query<ModelRow>(`select ${modelColumns} from models where name = $1`, [
      name,
    ]);
    return rows[0];
  }

  /** The rollout that isn't finished; undefined: none. */
  async active(model: string): Promise<RolloutRow | undefined> {
    const { rows } = await this.#pool.query<RawRollout>(
      'select * from rollouts where model = $1 and finished_at is null',
      [model],
    );
    return rows[0] && rolloutOf(rows[0]);
  }

  /** The newest first. */
  async rollouts(model: string, limit = 50): Promise<readonly RolloutRow[]> {
    const { rows } = await this.#pool.query<RawRollout>(
      'select * from rollouts where model = $1 order by id desc limit $2',
      [model, limit],
    );
    return rows.map(rolloutOf);
  }

  /** Models with something to do. */
  async busy(): Promise<readonly string[]> {
    const { rows } = await this.#pool.query<{ model: string }>(
      'select model from rollouts where finished_at is null',
    );
    return rows.map(({ model }) => model);
  }

  /**
   * Begins a rollout from what serves now, or writes down why there is none. Undefined where one is under way, or the
   * name is another team's.
   */
  async begin(rollout: NewRollout): Promise<RolloutRow | undefined> {
    return this.#transaction(async (client) => {
      const { team, model, version, refusal } = rollout;
      await client.query('insert into models (name, team) values ($1, $2) on conflict do nothing', [
        model,
        team,
      ]);
      const found = await client.query<ModelRow>(
        `select ${modelColumns} from models where name = $1 for update`,
        [model],
      );
      const row = found.rows[0];
      if (row === undefined || row.team !== team) return undefined;
      const done = refusal !== undefined;
      const { rows } = await client.query<RawRollout>(
        `insert into rollouts (team, model, version, run_id, source, requested_by, stable, steps, phase, step,
           outcome, reason, finished_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12)
         on conflict (model) where finished_at is null do nothing returning *`,
        [
          ...[team, model, version, rollout.runId, rollout.source, rollout.requestedBy, row.serving],
          ...[JSON.stringify(rollout.steps), done ? 'done' : 'deploying', done ? 'refused' : null],
          ...[refusal ?? null, done ? new Date() : null],
        ],
      );
      const raw = rows[0];
      if (raw === undefined) return undefined;
      if (rollout.byAlias)
        await client.query('update models set acted_version = $2, updated_at = now() where name = $1', [
          model,
          version,
        ]);
      const event = done ? 'refused' : 'begun';
      const detail = { version, ...(done ? { reason: refusal } : { stable: row.serving }) };
      await audit(client, { team, model, rollout: raw.id, actor: rollout.requestedBy, event, detail });
      return rolloutOf(raw);
    });
  }

  /** Writes a decision down, with its audit. Throws `Outdated` where somebody was quicker. */
  async save(rollout: Rollout, entries: readonly Entry[]): Promise<void> {
    await this.#transaction(async (client) => {
      const { id, team, model, version, phase } = rollout;
      const { rowCount } = await client.query(
        `update rollouts set phase = $3, step = $4, since = $5, blind_since = $6, outcome = $7, reason = $8,
           finished_at = case when $3 = 'done' then now() end, revision = revision + 1
         where id = $1 and revision = $2`,
        [
          ...[id, rollout.revision, phase, rollout.step, timestamp(rollout.since)],
          ...[timestamp(rollout.blindSince), rollout.outcome, rollout.reason],
        ],
      );
      if (rowCount === 0) throw new Outdated(`rollout ${id} of ${model} has changed`);
      if (phase === 'ending' && rollout.outcome === 'promoted')
        await client.query('update models set serving_version = $2, updated_at = now() where name = $1', [
          model,
          version,
        ]);
      for (const { event, detail } of entries)
        await audit(client, { team, model, rollout: id, actor: 'promoter', event, detail });
    });
  }

  /** The first reason counts; false where nothing is left to stop. */
  async stop(model: string, reason: string, actor: string): Promise<boolean> {
    return this.#transaction(async (client) => {
      const { rows } = await client.query<{ id: string; team: string }>(
        `update rollouts set stop_reason = coalesce(stop_reason, $2), revision = revision + 1
         where model = $1 and finished_at is null and phase <> 'ending' returning id, team`,
        [model, reason],
      );
      const found = rows[0];
      if (found === undefined) return false;
      await audit(client, {
        ...{ team: found.team, model, rollout: found.id, actor },
        ...{ event: 'stopped', detail: { reason } },
      });
      return true;
    });
  }

  /** False where the rollout isn't in that step any more. */
  async approve(rollout: RolloutRow, actor: string): Promise<boolean> {
    return this.#transaction(async (client) => {
      const { id, team, model, step } = rollout;
      const { rowCount } = await client.query(
        `update rollouts set approved = $2, revision = revision + 1
         where id = $1 and finished_at is null and phase = 'step' and step = $2`,
        [id, step],
      );
      if (rowCount === 0) return false;
      await audit(client, { team, model, rollout: id, actor, event: 'approval', detail: { step } });
      return true;
    });
  }

  /** What the alias says is known, without a rollout: it names what serves, or nothing. */
  async acted(model: string, version: string | null): Promise<void> {
    await this.#pool.query(
      'update models set acted_version = $2, updated_at = now() where name = $1 and acted_version is distinct from $2',
      [model, version],
    );
  }

  /** The model has left the registry. */
  async withdraw({ name, team, serving }: ModelRow): Promise<void> {
    await this.#transaction(async (client) => {
      await client.query(
        'update models set serving_version = null, acted_version = null, updated_at = now() where name = $1',
        [name],
      );
      await audit(client, {
        ...{ team, model: name, rollout: null, actor: 'promoter' },
        ...{ event: 'withdrawn', detail: { version: serving } },
      });
    });
  }

  /** The version that served before this one did; undefined: none. */
  async servedBefore(model: string, version: string): Promise<string | undefined> {
    const { rows } = await this.#pool.query<{ stable: string | null }>(
      `select stable from rollouts where model = $1 and version = $2 and outcome = 'promoted'
       order by id desc limit 1`,
      [model, version],
    );
    return rows[0]?.stable ?? undefined;
  }

  async toTell(): Promise<readonly RolloutRow[]> {
    const { rows } = await this.#pool.query<RawRollout>(
      'select * from rollouts where not told and finished_at is not null order by id limit 100',
    );
    return rows.map(rolloutOf);
  }

  async told(id: string): Promise<void> {
    await this.#pool.query('update rollouts set told = true where id = $1', [id]);
  }

  async seen(delivery: string): Promise<boolean> {
    const { rows } = await this.#pool.query('select 1 from deliveries where id = $1', [delivery]);
    return rows.length > 0;
  }

  /** False where another request took the same delivery in the meantime. */
  async take(delivery: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      'insert into deliveries (id) values ($1) on conflict do nothing',
      [delivery],
    );
    return rowCount === 1;
  }

  async forgetDeliveries(): Promise<void> {
    await this.#pool.query("delete from deliveries where at < now() - interval '1 day'");
  }

  async audit(model: string, limit = 200): Promise<readonly object[]> {
    const { rows } = await this.#pool.query<object>(
      'select at, rollout, actor, event, detail from audit where model = $1 order by id desc limit $2',
      [model, limit],
    );
    return rows;
  }

  #transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return transaction(this.#pool, work);
  }
}
