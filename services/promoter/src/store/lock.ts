import pg from 'pg';

/**
 * Locks by name, in this process and others. They live in one connection of their own: whoever holds one needs others
 * for the work, and would wait for ever for a pool that is full of those who wait for the same. A process that is killed
 * holds none.
 */
export class Locks {
  readonly #url: string;
  readonly #onError: (error: Error) => void;
  readonly #held = new Set<string>();
  #client: Promise<pg.Client> | undefined;
  #current: pg.Client | undefined;
  #asked: Promise<unknown> = Promise.resolve();

  constructor(url: string, onError: (error: Error) => void) {
    this.#url = url;
    this.#onError = onError;
  }

  /** Works while nobody else holds the lock; false where somebody does. */
  async within(name: string, work: () => Promise<void>): Promise<boolean> {
    // The connection would give it again: for PostgreSQL it is one and the same holder.
    if (this.#held.has(name)) return false;
    this.#held.add(name);
    try {
      const client = await this.#connected();
      if (!(await this.#ask(client, 'pg_try_advisory_lock', name))) return false;
      try {
        await work();
      } finally {
        await this.#unlock(client, name);
      }
      return true;
    } finally {
      this.#held.delete(name);
    }
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.end();
  }

  async #unlock(client: pg.Client, name: string): Promise<void> {
    try {
      await this.#ask(client, 'pg_advisory_unlock', name);
    } catch (error) {
      // It ended, and the lock with it; or it is in a state that nobody knows, and ends now.
      this.#drop(client);
      this.#onError(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** One question after the other: a connection answers one at a time. */
  #ask(
    client: pg.Client,
    how: 'pg_try_advisory_lock' | 'pg_advisory_unlock',
    name: string,
  ): Promise<boolean> {
    const asked = this.#asked.then(async () => {
      const { rows } = await client.query<{ done: boolean }>(
        `select ${how}(hashtextextended($1, 0)) as done`,
        [name],
      );
      return rows[0]?.done === true;
    });
    this.#asked = asked.catch(() => {});
    return asked;
  }

  #connected(): Promise<pg.Client> {
    this.#client ??= this.#connect().catch((error) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: 10_000,
      query_timeout: 30_000,
      keepAlive: true,
    });
    client.on('error', (error) => {
      this.#drop(client);
      this.#onError(error);
    });
    await client.connect();
    this.#current = client;
    return client;
  }

  #drop(client: pg.Client): void {
    if (this.#current !== client) return;
    this.#current = undefined;
    this.#client = undefined;
    client.end().catch(() => {});
  }
}
