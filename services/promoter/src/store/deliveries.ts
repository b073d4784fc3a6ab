import type pg from 'pg';

/** Deliveries of webhooks that were taken. */
export class Deliveries {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async seen(id: string): Promise<boolean> {
    const { rows } = await this.#pool.query('select 1 from deliveries where id = $1', [id]);
    return rows.length > 0;
  }

  /** False where another request took the same one in the meantime. */
  async take(id: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      'insert into deliveries (id) values ($1) on conflict do nothing',
      [id],
    );
    return rowCount === 1;
  }

  /** Those that are too old to come once more. */
  async forget(): Promise<void> {
    await this.#pool.query("delete from deliveries where at < now() - interval '1 day'");
  }
}
