import type pg from 'pg';
import type { Database } from '../store/database.ts';
import type { Locks } from '../store/lock.ts';
import { audit } from '../store/rows.ts';
import { transaction } from '../store/transaction.ts';
import type { Firing } from './alert.ts';

export interface Claim {
  readonly id: string;
  readonly dag: string;
  readonly run: string;
}

export interface NewClaim extends Omit<Claim, 'id'> {
  readonly team: string;
  readonly model: string;
  readonly conf: object;
  readonly alerts: readonly Firing[];
}

export interface Retraining {
  readonly team: string;
  readonly dag: string;
  readonly run: string;
  readonly conf: object;
  readonly state: 'claimed' | 'triggered' | 'refused';
  readonly triggeredAt: Date | null;
}

/** What was decided about an alert, and why. */
export interface Decided {
  readonly team: string;
  readonly at: Date;
  readonly detail: object;
}

export interface History {
  readonly retrainings: readonly Retraining[];
  readonly decisions: readonly Decided[];
}

const subject = 'team = $1 and model = $2';

/** What is remembered of retraining, in the promoter's database. */
export class RetrainStore {
  readonly #pool: pg.Pool;
  readonly #locks: Locks;

  constructor({ pool, locks }: Database) {
    this.#pool = pool;
    this.#locks = locks;
  }

  /** Works while nobody else decides about the model, in this process or another; false where somebody does. */
  alone(team: string, model: string, work: () => Promise<void>): Promise<boolean> {
    return this.#locks.within(`plinth/retrain/${team}/${model}`, work);
  }

  /** A run that was claimed by a process that hasn't said what became of it. */
  async pending(team: string, model: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `select 1 from retrainings where ${subject} and state = 'claimed'`,
      [team, model],
    );
    return rowCount !== 0;
  }

  /** When the model was last retrained for drift. */
  async last(team: string, model: string): Promise<Date | undefined> {
    const { rows } = await this.#pool.query<{ at: Date | null }>(
      `select max(triggered_at) as at from retrainings where ${subject}`,
      [team, model],
    );
    return rows[0]?.at ?? undefined;
  }

  /** Whether each of these alerts has had its run. */
  async served(alerts: readonly Firing[]): Promise<boolean> {
    for (const { fingerprint, startsAt } of alerts) {
      const { rowCount } = await this.#pool.query(
        `select 1 from retraining_alerts a join retrainings r on r.id = a.retraining
         where a.fingerprint = $1 and a.starts_at = $2 and r.state = 'triggered'`,
        [fingerprint, startsAt],
      );
      if (rowCount === 0) return false;
    }
    return true;
  }

  /** Writes down what is about to be asked of Airflow. A claim that is there already keeps its DAG and run. */
  async claim({ team, model, dag, run, conf, alerts }: NewClaim): Promise<Claim> {
    return transaction(this.#pool, async (client) => {
      const { rows } = await client.query<Claim>(
        `insert into retrainings (team, model, dag, run, conf) values ($1, $2, $3, $4, $5)
         on conflict (team, model) where state = 'claimed' do update set conf = excluded.conf
         returning id, dag, run`,
        [team, model, dag, run, JSON.stringify(conf)],
      );
      const [claimed] = rows;
      if (claimed === undefined) throw new Error(`no claim for ${team}/${model}`);
      for (const { fingerprint, startsAt } of alerts)
        await client.query(
          `insert into retraining_alerts (fingerprint, starts_at, retraining) values ($1, $2, $3)
           on conflict (fingerprint, starts_at) do nothing`,
          [fingerprint, startsAt, claimed.id],
        );
      return claimed;
    });
  }

  async triggered(id: string, at: Date): Promise<void> {
    await this.#pool.query(`update retrainings set state = 'triggered', triggered_at = $2 where id = $1`, [
      id,
      at,
    ]);
  }

  /** There will be no such run: its alerts may ask again. */
  async refused(id: string): Promise<void> {
    await transaction(this.#pool, async (client) => {
      await client.query(`update retrainings set state = 'refused' where id = $1`, [id]);
      await client.query('delete from retraining_alerts where retraining = $1', [id]);
    });
  }

  /** Into the promoter's audit, beside what it decides about rollouts. */
  async note(team: string, model: string, detail: object): Promise<void> {
    await transaction(this.#pool, (client) =>
      audit(client, { team, model, rollout: null, actor: 'alertmanager', event: 'retraining', detail }),
    );
  }

  /** Runs and decisions about a model, the newest first. */
  async of(model: string): Promise<History> {
    const retrainings = await this.#pool.query<Retraining>(
      `select team, dag, run, conf, state, triggered_at as "triggeredAt" from retrainings
       where model = $1 order by id desc limit 50`,
      [model],
    );
    const decisions = await this.#pool.query<Decided>(
      `select team, at, detail from audit where model = $1 and event = 'retraining' order by id desc limit 200`,
      [model],
    );
    return { retrainings: retrainings.rows, decisions: decisions.rows };
  }
}
