import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

const folder = join(import.meta.dirname, 'migrations');

/** libpq's meaning of `sslmode`: pg's own takes `require` for a check of the certificate. */
export const connectionOf = (url: string): string => {
  const address = new URL(url);
  address.searchParams.set('uselibpqcompat', 'true');
  return address.toString();
};

/** Brings the database to what this version needs, each file once and whole; resolves to what was done. */
export const migrate = async (url: string): Promise<readonly string[]> => {
  const client = new pg.Client({ connectionString: connectionOf(url), connectionTimeoutMillis: 30_000 });
  await client.connect();
  try {
    // Two of them at once would both find nothing done.
    await client.query("select pg_advisory_lock(hashtextextended('plinth/promoter/migrate', 0))");
    await client.query(
      'create table if not exists schema_migrations (name text primary key, at timestamptz not null default now())',
    );
    const { rows } = await client.query<{ name: string }>('select name from schema_migrations');
    const known = new Set(rows.map(({ name }) => name));
    const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
    const missing = files.filter((name) => !known.has(name));
    for (const name of missing) {
      await client.query('begin');
      await client.query(await readFile(join(folder, name), 'utf8'));
      await client.query('insert into schema_migrations (name) values ($1)', [name]);
      await client.query('commit');
    }
    return missing;
  } finally {
    await client.end();
  }
};
