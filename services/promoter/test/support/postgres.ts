import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

const debian = '/usr/lib/postgresql';

/** Debian's newest server; undefined where there is none. */
const programs = (): string | undefined => {
  if (!existsSync(debian)) return undefined;
  const versions = readdirSync(debian).sort((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => join(debian, version, 'bin'))
    .find((each) => existsSync(join(each, 'initdb')));
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

export interface TestPostgres {
  /** An empty database of its own. */
  database(): Promise<string>;
  stop(): Promise<void>;
}

/** A real server on a free port, with nothing in it; gone without a trace when it is stopped. */
export const startPostgres = async (): Promise<TestPostgres> => {
  const bin = programs();
  if (bin === undefined)
    throw new Error(`no PostgreSQL below ${debian}: install Debian's package postgresql`);
  const folder = mkdtempSync(join(tmpdir(), 'promoter-postgres-'));
  // It refuses to run as root.
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  const user = process.getuid?.() === 0 ? { uid: id('-u'), gid: id('-g') } : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder, stdio: 'pipe' as const };
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'test', '-A', 'trust', '-N', '--no-locale', '-E', 'UTF8'],
    options,
  );
  const port = await freePort();
  const settings = ['fsync=off', `unix_socket_directories=${folder}`, 'listen_addresses=127.0.0.1'];
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((each) => ['-c', each])],
    { ...user, cwd: folder, stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const url = (name: string): string => `postgres://test@127.0.0.1:${port}/${name}?sslmode=disable`;
  const administer = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url('postgres') });
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  const deadline = performance.now() + 60_000;
  for (;;) {
    try {
      await administer('select 1');
      break;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await pause(100);
    }
  }
  let made = 0;
  return {
    async database() {
      made += 1;
      await administer(`create database test_${made}`);
      return url(`test_${made}`);
    },
    async stop() {
      server.kill('SIGQUIT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
