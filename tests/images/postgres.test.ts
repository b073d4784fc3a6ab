import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runIn, type Unpacked, unpack } from './container.ts';

// Nothing here is about speed: the limit only ends what hangs.
jest.setTimeout(60 * 60_000);

let image: Unpacked;
let data: string;
let secrets: string;

beforeAll(async () => {
  image = await unpack('postgres');
});
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'plinth-pgdata-'));
  secrets = mkdtempSync(join(tmpdir(), 'plinth-pgsecret-'));
  for (const folder of [data, secrets]) chownSync(folder, 26_000, 26_000);
  writeFileSync(join(secrets, 'password'), 'first $ecret', { mode: 0o644 });
});
afterEach(() => {
  for (const folder of [data, secrets]) rmSync(folder, { recursive: true, force: true });
});

/** Starts the server as its pod does, runs a shell script beside it once it answers, and stops it as the kubelet does. */
const beside = (script: string): Promise<string> =>
  runIn(image, {
    scratch: ['/run/postgresql'],
    mounts: { '/var/lib/postgresql/data': data, '/run/administrator': secrets },
    env: { POSTGRES_PASSWORD_FILE: '/run/administrator/password', HOME: '/tmp' },
    command: [
      'sh',
      '-c',
      `plinth-postgres >/tmp/log 2>&1 & server=$!
until pg_isready --host=127.0.0.1 --quiet; do
  kill -0 $server 2>/dev/null || { wait $server; code=$?; cat /tmp/log >&2; exit $code; }
  sleep 0.1
done
as() { PGPASSWORD=$1; export PGPASSWORD; shift; psql --no-psqlrc --no-password -Atq "$@" 2>&1; }
${script}
kill -s INT $server; wait $server; echo "stopped with $?"`,
    ],
  });

const query = 'as "first \\$ecret" -h 127.0.0.1 -U postgres -c';

test('the superuser logs in with the password of the file, over TCP and the socket, and nobody without it', async () => {
  const printed = await beside(`
echo "tcp $(${query} 'show server_version_num')"
echo "socket $(as "first \\$ecret" -h /run/postgresql -U postgres -c 'select 1')"
echo "wrong $(as wrong -h 127.0.0.1 -U postgres -c 'select 1')"
echo "none $(as '' -h /run/postgresql -U postgres -c 'select 1')"
echo "stored $(${query} "select left(rolpassword, 14) from pg_authid where rolname = 'postgres'")"
echo "checksums $(${query} 'show data_checksums')"`);
  expect(printed).toMatch(/^tcp 15\d{4}$/m);
  expect(printed).toMatch(/^socket 1$/m);
  expect(printed).toMatch(/^wrong .*password authentication failed/m);
  expect(printed).toMatch(/^none .*no password supplied/m);
  expect(printed).toMatch(/^stored SCRAM-SHA-256\$$/m);
  expect(printed).toMatch(/^checksums on$/m);
  expect(printed).toMatch(/^stopped with 0$/m);
  expect(image.stopSignal).toBe('SIGINT');
});

test('data outlives the pod, and the file is read on the first start only', async () => {
  await beside(`${query} 'create table kept (id int); insert into kept values (7)'`);
  writeFileSync(join(secrets, 'password'), 'another');
  const printed = await beside(`echo "kept $(${query} 'select id from kept')"`);
  expect(printed).toMatch(/^kept 7$/m);
  expect(statSync(join(data, 'main')).mode & 0o777).toBe(0o700);
});

test('a first start that was killed half way is begun again', async () => {
  const unfinished = join(data, 'main.unfinished');
  mkdirSync(unfinished);
  writeFileSync(join(unfinished, 'PG_VERSION'), '15\n');
  chownSync(unfinished, 26_000, 26_000);
  expect(await beside(`echo "up $(${query} 'select 1')"`)).toMatch(/^up 1$/m);
  expect(existsSync(unfinished)).toBe(false);
});

test("another major version's data is refused and left as it is", async () => {
  mkdirSync(join(data, 'main'));
  writeFileSync(join(data, 'main', 'PG_VERSION'), '14\n');
  for (const path of ['main', 'main/PG_VERSION']) chownSync(join(data, path), 26_000, 26_000);
  await expect(beside('true')).rejects.toThrow(/made by PostgreSQL 14 and this is 15/);
  expect(readFileSync(join(data, 'main', 'PG_VERSION'), 'utf8')).toBe('14\n');
});

test('no password, no first start', async () => {
  writeFileSync(join(secrets, 'password'), '');
  await expect(beside('true')).rejects.toThrow(/password is empty or missing/);
  expect(existsSync(join(data, 'main'))).toBe(false);
});
