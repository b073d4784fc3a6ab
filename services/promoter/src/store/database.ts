import pg from 'pg';
import { Locks } from './lock.ts';
import { connectionOf } from './migrate.ts';

/**
 * The process' connections to PostgreSQL, whatever is kept there: up to eight for queries, and one for locks.
 * `onError` hears of those that break; the next query makes another.
 */
export class Database {
  readonly pool: pg.Pool;
  readonly locks: Locks;

  constructor(url: string, onError: (error: Error) => void = () => {}) {
    this.pool = new pg.Pool({
      connectionString: connectionOf(url),
      max: 8,
      connectionTimeoutMillis: 10_000,
      statement_timeout: 30_000,
    });
    // Without a listener, one that breaks while nobody uses it would end the process.
    this.pool.on('error', onError);
    this.locks = new Locks(connectionOf(url), onError);
  }

  async ping(): Promise<void> {
    await this.pool.query('select 1');
  }

  async close(): Promise<void> {
    await this.locks.close();
    await this.pool.end();
  }
}
