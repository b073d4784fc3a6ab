import type pg from 'pg';

/**
 * Works while nobody else holds the lock of this name, in this process or another; false where somebody does. The lock
 * goes with the connection, so a process that is killed holds none.
 */
export const withLock = async (pool: pg.Pool, name: string, work: () => Promise<void>): Promise<boolean> => {
  const client = await pool.connect();
  let broken: Error | undefined;
  const note = (error: Error): void => {
    broken = error;
  };
  client.on('error', note);
  try {
    const { rows } = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as locked',
      [name],
    );
    if (rows[0]?.locked !== true) return false;
    await work();
    await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [name]);
    return true;
  } catch (error) {
    // A connection that failed, or still holds the lock, isn't used again.
    broken ??= error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    client.off('error', note);
    client.release(broken);
  }
};
