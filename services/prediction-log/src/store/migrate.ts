import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from './database.ts';

const folder = join(import.meta.dirname, 'migrations');

export const migrations = async (): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();

/** The statements of one file: none of them holds a semicolon that doesn't end it. */
const statementsOf = async (name: string): Promise<readonly string[]> =>
  (await readFile(join(folder, name), 'utf8'))
    .replace(/^ *--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');

/** Brings the database to what this version needs, each file once and whole; resolves to what was done. */
export const migrate = async (database: Database): Promise<readonly string[]> => {
  const done: string[] = [];
  await database.transaction(async (queries) => {
    // Two at once would both find nothing done.
    await queries.query("select pg_advisory_xact_lock(hashtext('plinth/prediction-log/migrate'))");
    await queries.query(
      'create table if not exists schema_migrations (name text primary key, at timestamptz not null default now())',
    );
    const { rows } = await queries.query<{ name: string }>('select name from schema_migrations');
    const known = new Set(rows.map(({ name }) => name));
    for (const name of (await migrations()).filter((each) => !known.has(each))) {
      for (const statement of await statementsOf(name)) await queries.query(statement);
      await queries.query('insert into schema_migrations (name) values ($1)', [name]);
      done.push(name);
    }
  });
  return done;
};

/** What is still to be migrated, for readiness. */
export const pending = async (database: Database): Promise<readonly string[]> => {
  const { rows } = await database.query<{ name: string }>('select name from schema_migrations');
  const known = new Set(rows.map(({ name }) => name));
  return (await migrations()).filter((name) => !known.has(name));
};
