import type pg from 'pg';
import type { Entry, Rollout } from '../domain/rollout.ts';
import { begin } from './begin.ts';
import type { Database } from './database.ts';
import { Deliveries } from './deliveries.ts';
import { History } from './history.ts';
import type { Locks } from './lock.ts';
import {
  audit,
  type ModelRow,
  modelColumns,
  type NewRollout,
  Outdated,
  type RawRollout,
  type RolloutRow,
  rolloutOf,
} from './rows.ts';
import { transaction } from './transaction.ts';

export { byAlias, type ModelRow, type NewRollout, Outdated, type RolloutRow } from './rows.ts';

const timestamp = (milliseconds: number | null): Date | null =>
  milliseconds === null ? null : new Date(milliseconds);

/** What the promoter remembers, in PostgreSQL: nothing that matters is only in a process. */
export class Store {
  readonly deliveries: Deliveries;
  readonly history: History;
  readonly #pool: pg.Pool;
  readonly #locks: Locks;

  constructor({ pool, locks }: Database) {
    this.#pool = pool;
    this.#locks = locks;
    this.deliveries = new Deliveries(pool);
    this.history = new History(pool);
  }

  /** Works on a model while nobody else does, in this process or another; false where somebody is at it. */
  withModel(model: string, work: () => Promise<void>): Promise<boolean> {
    return this.#locks.within(`plinth/promoter/${model}`, work);
  }

  /** Looks at a model's alias while nobody else does; false where somebody is at it. */
  withAlias(model: string, work: () => Promise<void>): Promise<boolean> {
    return this.#locks.within(`plinth/promoter/alias/${model}`, work);
  }

  /** Changes with everything on which depends what there should be of a model. */
  async mark(model: string): Promise<string> {
    const { rows } = await this.#pool.query<{ mark: string }>(
      `select concat_ws(' ', team, serving_version, (
         select concat_ws('/', id, revision) from rollouts where model = name and finished_at is null)) as mark
       from models where name = $1`,
      [model],
    );
    return rows[0]?.mark ?? '';
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

  /** Versions of a team's model that serve or are on their way; undefined: none of them is the promoter's. */
  async inUse(team: string, model: string): Promise<readonly string[] | undefined> {
    const [row, rollout] = [await this.model(model), await this.active(model)];
    if (row?.team !== team) return undefined;
    const versions = [row.serving ?? undefined, rollout?.version].filter((each) => each !== undefined);
    return versions.length === 0 ? undefined : versions;
  }

  /** The rollout that isn't finished; undefined: none. */
  async active(model: string): Promise<RolloutRow | undefined> {
    const { rows } = await this.#pool.query<RawRollout>(
      'select * from rollouts where model = $1 and finished_at is null',
      [model],
    );
    return rows[0] && rolloutOf(rows[0]);
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
  begin(rollout: NewRollout): Promise<RolloutRow | undefined> {
    return this.#transaction((client) => begin(client, rollout));
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

  /** The model has left the registry, and its name is free. */
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

  /** Outcomes that the registry hasn't been told, without these. */
  async toTell(without: readonly string[] = []): Promise<readonly RolloutRow[]> {
    const { rows } = await this.#pool.query<RawRollout>(
      `select * from rollouts where not told and finished_at is not null and id <> all ($1::bigint[])
       order by id limit 100`,
      [without],
    );
    return rows.map(rolloutOf);
  }

  async told(id: string): Promise<void> {
    await this.#pool.query('update rollouts set told = true where id = $1', [id]);
  }

  #transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return transaction(this.#pool, work);
  }
}
