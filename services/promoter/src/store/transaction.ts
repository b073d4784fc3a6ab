import type pg from 'pg';

/** All of the work or nothing of it. */
export const transaction = async <T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> => {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    // Rolled back by the end of the connection, whatever is wrong with it.
    client.release(true);
    throw error;
  }
};
