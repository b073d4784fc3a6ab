import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../src/settings.ts';
import { record, TestLog } from './support/service.ts';

test("predictions become Parquet in their team's bucket, by model, version and hour", async (t) => {
  const log = await TestLog.start(t, { FILE_SECONDS: '1' });
  const answer = await log.send([
    record('r-1'),
    record('r-2', { time: '2026-11-28T22:00:00.000Z', version: '4', fallbackFrom: 'delays-5' }),
    record('r-3', { team: 'team-b', model: 'prices', status: 500, response: null }),
  ]);
  assert.deepEqual([answer.status, await answer.json()], [200, { taken: 3, known: 0, refused: 0 }]);
  await log.service.writer.step(true);
  assert.deepEqual([...log.store.objects.keys()].map((key) => key.replace(/[\w-]+\.parquet$/, '')).sort(), [
    'team-a/plinth/predictions/model=delays/version=3/date=2026-11-28/hour=21/',
    'team-a/plinth/predictions/model=delays/version=4/date=2026-11-28/hour=22/',
    'team-b/plinth/predictions/model=prices/version=3/date=2026-11-28/hour=21/',
  ]);
  const [row] = await log.store.rows('version=3/date=2026-11-28/hour=21');
  assert.deepEqual(
    { ...row, request: JSON.parse(String(row?.['request'])) },
    {
      request_id: 'r-1',
      time: new Date('2026-11-28T21:30:00.000Z'),
      team: 'team-a',
      predictor: 'delays-3',
      fallback_from: null,
      status: 200,
      milliseconds: 12.5,
      request: { inputs: [{ name: 'distance', shape: [1], datatype: 'FP64', data: [842] }] },
      response: '{"outputs":[{"name":"predict","shape":[1],"datatype":"FP64","data":[0.25]}]}',
    },
  );
});

test('a batch that comes again changes nothing', async (t) => {
  const log = await TestLog.start(t);
  const batch = [record('r-1'), record('r-2')];
  await log.send(batch);
  await log.service.writer.step(true);
  assert.deepEqual(await (await log.send(batch)).json(), { taken: 0, known: 2, refused: 0 });
  await log.service.writer.step(true);
  assert.equal((await log.store.rows('predictions')).length, 2);
  assert.equal(await log.sum('plinth_prediction_duplicates_total'), 2);
  assert.equal(await log.sum('plinth_prediction_records_total', 'model="delays"'), 2);
});

test('a store that fails loses nothing and doubles nothing', async (t) => {
  const log = await TestLog.start(t);
  await log.send([record('r-1'), record('r-2')]);
  log.store.refuses = 1;
  await log.service.writer.step(true);
  assert.equal(log.store.objects.size, 0);
  assert.equal(await log.sum('plinth_prediction_files_total', 'kind="prediction"', 'result="failed"'), 1);
  await log.send([record('r-3')]);
  await log.service.writer.step(true);
  const ids = (await log.store.rows('predictions')).map((row) => row['request_id']).sort();
  assert.deepEqual(ids, ['r-1', 'r-2', 'r-3']);
});

test('a team whose bucket is dead holds up no other, neither its files nor its records', async (t) => {
  const log = await TestLog.start(t, { FILE_ROWS: '1', MAX_BACKLOG_BYTES: '500' });
  log.store.dead.add('team-a');
  // Older than the others', and more than there may be.
  await log.send([record('a-1'), record('a-2'), record('a-3', { version: '4' })]);
  await log.send([record('b-1', { team: 'team-b' })]);
  await log.service.step();
  assert.deepEqual(
    [...log.store.objects.keys()].map((key) => key.split('/')[0]),
    ['team-b'],
  );
  const waits = (team: string) => log.sum('plinth_prediction_backlog_rows', `team="${team}"`);
  assert.deepEqual([await waits('team-a'), await waits('team-b')], [3, 0]);
  // One file of it was tried, and the next is not until some time has passed.
  await log.service.step();
  assert.equal(await log.sum('plinth_prediction_files_total', 'kind="prediction"', 'result="failed"'), 1);
  const answer = await log.send([record('a-4'), record('b-2', { team: 'team-b' })]);
  assert.deepEqual([answer.status, await answer.json()], [200, { taken: 1, known: 0, refused: 1 }]);
  assert.equal((await log.send([record('a-5')])).status, 503);
  await log.service.step();
  assert.equal((await log.store.rows('team-b')).length, 2);
});

test('a process that ended between choosing rows and writing them is continued by the next', async (t) => {
  const log = await TestLog.start(t);
  await log.send([record('r-1')]);
  log.store.refuses = 1;
  await log.service.writer.step(true);
  await log.service.stop();
  const next = await TestLog.over(t, log.database, log.store);
  await next.service.writer.step();
  assert.equal((await log.store.rows('predictions')).length, 1);
});

test('files are bounded by rows and by bytes, and small ones wait', async (t) => {
  const log = await TestLog.start(t, { FILE_ROWS: '3' });
  await log.send([record('r-1'), record('r-2')]);
  await log.service.writer.step();
  assert.equal(log.store.objects.size, 0);
  await log.send(Array.from({ length: 5 }, (_, i) => record(`s-${i}`)));
  await log.service.writer.step();
  assert.equal(log.store.objects.size, 2);
});

test('a file takes no more bodies than its limit', async (t) => {
  const wide = await TestLog.start(t, { FILE_BYTES: '2000' });
  await wide.send(Array.from({ length: 4 }, (_, i) => record(`w-${i}`, { request: 'x'.repeat(900) })));
  await wide.service.writer.step(true);
  assert.equal(wide.store.objects.size, 2);
});

test('bodies leave the database once they are in a file and in a window', async (t) => {
  const log = await TestLog.start(t, { WINDOW_ROWS: '100' });
  await log.send(Array.from({ length: 100 }, (_, i) => record(`r-${i}`)));
  const bodies = async () =>
    (await log.database.query<{ count: number }>('select count(request)::int as count from prediction'))
      .rows[0]?.count;
  await log.service.writer.step(true);
  assert.equal(await bodies(), 100);
  await log.service.watch.step();
  assert.equal(await bodies(), 0);
  await log.send([record('refused', { status: 503 })]);
  await log.service.writer.step(true);
  assert.equal(await bodies(), 0);
});

test('what is not a record is refused by itself, and counted', async (t) => {
  const log = await TestLog.start(t, { MAX_BODY_BYTES: '1000' });
  const long = { inputs: [{ name: 'a', data: ['x'.repeat(2000)] }] };
  const answer = await log.send([
    record('r-1'),
    { requestId: 'r-2' },
    record('r-3', { team: 'team-z' }),
    record('nul\0'),
    record('r-4', { request: long }),
  ]);
  assert.deepEqual(await answer.json(), { taken: 2, known: 0, refused: 3 });
  assert.equal(await log.sum('plinth_prediction_refused_total', 'reason="malformed"'), 2);
  assert.equal(await log.sum('plinth_prediction_refused_total', 'reason="team"'), 1);
  const { rows } = await log.database.query("select request from prediction where request_id = 'r-4'");
  assert.deepEqual(rows, [{ request: null }]);
  assert.equal((await log.raw('{}', 'text/html')).status, 415);
  for (const other of ['{}', '[]', 'nonsense', '']) assert.equal((await log.raw(other)).status, 400);
});

test('it says not now while too much waits, and takes again when it is written', async (t) => {
  const log = await TestLog.start(t, { MAX_BACKLOG_BYTES: '500', MAX_BATCH_BYTES: '5000' });
  await log.send([record('r-1'), record('r-2')]);
  await log.service.step();
  const full = await log.send([record('r-3')]);
  assert.deepEqual([full.status, full.headers.get('retry-after')], [503, '2']);
  assert.equal(await log.sum('plinth_prediction_refused_total', 'reason="backlog"'), 1);
  assert.equal(await log.sum('plinth_prediction_backlog_rows'), 2);
  await log.service.writer.step(true);
  await log.service.step();
  assert.equal((await log.send([record('r-3')])).status, 200);
  assert.equal((await log.raw('x'.repeat(6000))).status, 413);
});

test('what was written is forgotten in time, and nothing else', async (t) => {
  const log = await TestLog.start(t);
  await log.send([record('old'), record('new')]);
  await log.service.writer.step(true);
  await log.send([record('unwritten')]);
  await log.database.query(
    "update prediction set received_at = now() - interval '31 days' where request_id in ('old', 'unwritten')",
  );
  // Old or not, it isn't anywhere else.
  log.store.refuses = 1;
  await log.service.step();
  const { rows } = await log.database.query('select request_id from prediction order by seq');
  assert.deepEqual(rows, [{ request_id: 'new' }, { request_id: 'unwritten' }]);
});

test('a process that has stopped holds no connection to the store', async (t) => {
  const log = await TestLog.start(t);
  await log.send([record('r-1')]);
  await log.service.writer.step(true);
  assert.equal(await log.store.connections(), 1);
  await log.service.stop();
  const deadline = performance.now() + 3000;
  while ((await log.store.connections()) > 0 && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await log.store.connections(), 0);
});

test("a database in libpq's other form is told how it is written here, and not itself", () => {
  assert.throws(
    () => readSettings({ DATABASE_URL: 'host=postgres password=secret-one' }),
    (error: Error) =>
      error.message.includes('DATABASE_URL: expected postgresql://user:password@host:port/database') &&
      !error.message.includes('secret-one'),
  );
});

test('health and readiness follow the process', async (t) => {
  const log = await TestLog.start(t);
  assert.equal((await log.admin('/readyz')).status, 200);
  assert.equal((await log.admin('/healthz')).status, 200);
});
