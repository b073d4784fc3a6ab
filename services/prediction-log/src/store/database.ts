import pg from 'pg';

export interface Queries {
  query<Row extends object>(text: string, values?: unknown[]): Promise<{ readonly rows: readonly Row[] }>;
}

/** As little of PostgreSQL's client as the service needs. */
export interface Database extends Queries {
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** libpq's meaning of `sslmode`: pg's own takes `require` for a check of the certificate. */
export const connectionOf = (url: string): string => {
  const address = new URL(url);
  address.searchParams.set('uselibpqcompat', 'true');
  return address.toString();
};

export class Postgres implements Database {
  readonly #pool: pg.Pool;

  constructor(url: string, onError: (error: Error) => void) {
    this.#pool = new pg.Pool({
      connectionString: connectionOf(url),
      max: 6,
      connectionTimeoutMillis: 10_000,
      statement_timeout: 60_000,
    });
    // A connection that breaks while nobody uses it; the next query makes another.
    this.#pool.on('error', onError);
  }

  query<Row extends object>(
    text: string,
    values: unknown[] = [],
  ): Promise<{ readonly rows: readonly Row[] }> {
    return this.#pool.query<Row>(text, values);
  }

  async transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    try {
      await client.query('begin');
      const result = await work({
        query: <Row extends object>(text: string, values: unknown[] = []) => client.query<Row>(text, values),
      });
      await client.query('commit');
      client.release();
      return result;
    } catch (error) {
      // Rolled back by the end of the connection, whatever is wrong with it.
      client.release(true);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
