import { Pool } from 'undici';

/** Keep-alive connections to the predictors: one pool an origin, shared by the routes that name it. */
export class Pools {
  readonly #pools = new Map<string, { readonly pool: Pool; users: number }>();

  acquire(origin: string): Pool {
    const found = this.#pools.get(origin) ?? { pool: this.#open(origin), users: 0 };
    found.users += 1;
    this.#pools.set(origin, found);
    return found.pool;
  }

  /** The last user's release closes the pool after what it still has. */
  release(origin: string): void {
    const found = this.#pools.get(origin);
    if (found === undefined) return;
    found.users -= 1;
    if (found.users > 0) return;
    this.#pools.delete(origin);
    void found.pool.close();
  }

  #open(origin: string): Pool {
    // Time-outs are those of the route, by signal. No pipelining: a slow answer must not hold another one.
    return new Pool(origin, {
      connections: null,
      pipelining: 1,
      connect: { timeout: 3000 },
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 4000,
    });
  }
}
