import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { forget } from '../src/store/predictions.ts';
import { baselineOf, exchange, stream } from './support/flights.ts';
import { record, TestLog } from './support/service.ts';

const told = (labels: object, more: object = {}) => ({ team: 'team-a', model: 'delays', labels, ...more });

test('labels join their predictions, whichever came first, and are written beside them', async (t) => {
  const log = await TestLog.start(t);
  await log.send([record('r-1')]);
  const answer = await log.ask('POST', '/feedback', told({ 'r-1': [true], 'r-2': false }));
  assert.deepEqual([answer.status, await answer.json()], [200, { accepted: 2, joined: 1 }]);
  await log.service.writer.step(true);
  assert.deepEqual(
    (await log.store.rows('team-a/plinth/labels')).map(({ request_id, label }) => [request_id, label]),
    [['r-1', '[true]']],
  );
  await log.send([record('r-2')]);
  await log.service.writer.step(true);
  const keys = [...log.store.objects.keys()].filter((key) => key.includes('/labels/'));
  assert.equal(keys.length, 2);
  for (const key of keys) assert.match(key, /labels\/model=delays\/version=3\/date=2026-11-28\/hour=21\//);
});

test('the same label again is nothing new, another one replaces it', async (t) => {
  const log = await TestLog.start(t);
  await log.send([record('r-1')]);
  for (let i = 0; i < 2; i += 1) {
    await log.ask('POST', '/feedback', told({ 'r-1': 1 }));
    await log.service.writer.step(true);
  }
  assert.equal((await log.store.rows('labels')).length, 1);
  await log.ask('POST', '/feedback', told({ 'r-1': 0 }));
  await log.service.writer.step(true);
  const rows = await log.store.rows('labels');
  const latest = rows.toSorted((a, b) => Number(b['labelled_at']) - Number(a['labelled_at']))[0];
  assert.equal(latest?.['label'], '[0]');
});

test('a team speaks for its own models, with a valid token', async (t) => {
  const log = await TestLog.start(t);
  const cases: readonly (readonly [unknown, string | null, number])[] = [
    [told({ r: 1 }), null, 401],
    [told({ r: 1 }), 'bad', 401],
    [told({ r: 1 }), 'team-b', 403],
    [told({ r: 1 }, { team: 'team-z' }), 'team-z', 403],
    [told({}), 'team-a', 400],
    [told({ r: {} }), 'team-a', 400],
    [told({ r: 1 }, { extra: true }), 'team-a', 400],
    ['{', 'team-a', 400],
    [told(Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, 1]))), 'team-a', 400],
    ['x'.repeat(3_000_000), 'team-a', 413],
  ];
  for (const [body, token, status] of cases)
    assert.equal((await log.ask('POST', '/feedback', body, token)).status, status);
  const { rows } = await log.database.query('select * from label');
  assert.deepEqual(rows, []);
});

test('a baseline is taken from its own team, and checked', async (t) => {
  const log = await TestLog.start(t);
  const path = '/teams/team-a/models/delays/versions/3/baseline';
  const sdk: unknown = JSON.parse(readFileSync(join(import.meta.dirname, 'support/baseline.json'), 'utf8'));
  for (const body of [baselineOf(1000), sdk]) assert.equal((await log.ask('PUT', path, body)).status, 204);
  assert.equal((await log.ask('PUT', path, sdk, 'team-b')).status, 403);
  const wrong = await log.ask('PUT', path, { format: 2 });
  assert.equal(wrong.status, 400);
  assert.match(((await wrong.json()) as { error: string }).error, /format/);
});

const send = async (log: TestLog, seed: number, rows: number, shifted: boolean): Promise<void> => {
  const next = stream(seed, shifted ? [{ field: 'distance', of: (value) => Number(value) * 2 }] : []);
  for (let at = 0; at < rows; at += 100)
    await log.send(Array.from({ length: 100 }, (_, i) => record(`${seed}-${at + i}`, exchange([next()]))));
};

const drifted = async (log: TestLog): Promise<readonly string[]> => {
  const limits = new Map(
    (await log.series('plinth_drift_threshold')).map(([line, value]) => [
      /check="(\w+)"/.exec(line)?.[1],
      value,
    ]),
  );
  const found = (await log.series('plinth_drift_score'))
    .filter(([line, value]) => value >= (limits.get(/check="(\w+)"/.exec(line)?.[1]) ?? 0))
    .map(([line]) => /field="([^"]+)"/.exec(line)?.[1] ?? '');
  return [...new Set(found)];
};

test('a window that moved is told by its field, by a restarted process too, and ends when it moves back', async (t) => {
  const log = await TestLog.start(t);
  await log.ask('PUT', '/teams/team-a/models/delays/versions/3/baseline', baselineOf(20_000));
  await send(log, 1, 499, false);
  assert.equal((await log.service.watch.step()).length, 1);
  assert.deepEqual(await drifted(log), []);
  await send(log, 2, 500, true);
  await log.service.watch.step();
  assert.deepEqual(await drifted(log), ['distance']);
  await log.service.stop();
  const next = await TestLog.over(t, log.database, log.store);
  assert.deepEqual(await drifted(next), ['distance']);
  await send(next, 3, 500, false);
  await next.service.watch.step();
  assert.deepEqual(await drifted(next), []);
  assert.equal(await next.sum('plinth_drift_windows_total', 'result="compared"'), 1);
});

const inMinutes = (count: number): number => Date.now() + count * 60_000;

test('a version that nobody asks says nothing of its drift, and says it again when it is asked', async (t) => {
  const log = await TestLog.start(t, { STALE_MINUTES: '30' });
  await log.ask('PUT', '/teams/team-a/models/delays/versions/3/baseline', baselineOf(20_000));
  await send(log, 6, 500, true);
  await log.service.watch.step(inMinutes(29));
  assert.deepEqual(await drifted(log), ['distance']);
  // Another version of the model is no use to it.
  await log.send([record('other', { version: '4' })]);
  await log.service.watch.step(inMinutes(31));
  for (const name of ['plinth_drift_score', 'plinth_drift_window_rows', 'plinth_drift_window_end_seconds'])
    assert.deepEqual(await log.series(name), []);
  await log.send([record('again')]);
  await log.service.watch.step(inMinutes(1));
  assert.deepEqual(await drifted(log), ['distance']);
});

test('a process that starts says nothing of a version that was last asked too long ago', async (t) => {
  const log = await TestLog.start(t);
  await log.ask('PUT', '/teams/team-a/models/delays/versions/3/baseline', baselineOf(20_000));
  await send(log, 7, 500, true);
  await log.service.watch.step();
  await log.service.stop();
  await log.database.query(`update prediction set received_at = received_at - interval '61 minutes'`);
  assert.deepEqual(await drifted(await TestLog.over(t, log.database, log.store)), []);
});

test('what a process found at its start is forgotten in time, as what it found itself', async (t) => {
  const log = await TestLog.start(t);
  await log.ask('PUT', '/teams/team-a/models/delays/versions/3/baseline', baselineOf(20_000));
  await send(log, 10, 500, true);
  await log.service.watch.step();
  await log.service.stop();
  const old = 'received_at = received_at - interval';
  await log.database.query(`update prediction set ${old} '61 minutes'`);
  const next = await TestLog.over(t, log.database, log.store);
  await next.service.watch.step(inMinutes(6 * 24 * 60));
  await next.send([record('again')]);
  await next.service.watch.step();
  assert.deepEqual(await drifted(next), ['distance']);
  await log.database.query(`update prediction set ${old} '61 minutes'`);
  const other = await TestLog.over(t, log.database, log.store);
  await other.service.watch.step(inMinutes(8 * 24 * 60));
  await other.send([record('and again')]);
  await other.service.watch.step();
  assert.deepEqual(await drifted(other), []);
});

test('what was found against another baseline is over, for a restarted process too', async (t) => {
  const log = await TestLog.start(t);
  const path = '/teams/team-a/models/delays/versions/3/baseline';
  await log.ask('PUT', path, baselineOf(20_000));
  await send(log, 8, 500, true);
  await log.service.watch.step();
  // The same once more is the same.
  await log.ask('PUT', path, baselineOf(20_000));
  assert.deepEqual(await drifted(log), ['distance']);
  await log.ask('PUT', path, baselineOf(1000, 5));
  assert.deepEqual(await drifted(log), []);
  await log.service.stop();
  assert.deepEqual(await drifted(await TestLog.over(t, log.database, log.store)), []);
});

test('a version without a baseline is counted, and its rows are let go', async (t) => {
  const log = await TestLog.start(t);
  await send(log, 4, 500, false);
  assert.deepEqual(await log.service.watch.step(), []);
  assert.equal(await log.sum('plinth_drift_windows_total', 'result="no_baseline"'), 1);
  assert.deepEqual(await log.service.watch.step(), []);
});

test('quality is judged when enough labels have come', async (t) => {
  const log = await TestLog.start(t);
  await log.ask('PUT', '/teams/team-a/models/delays/versions/3/baseline', baselineOf(20_000));
  const answers = { response: { outputs: [{ name: 'predict', shape: [1], datatype: 'INT64', data: [1] }] } };
  for (let at = 0; at < 500; at += 100)
    await log.send(Array.from({ length: 100 }, (_, i) => record(`q-${at + i}`, answers)));
  const labels = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`q-${i}`, i % 10 < 6]));
  await log.ask('POST', '/feedback', told(labels));
  const found = await log.service.watch.step();
  assert.deepEqual(
    found.filter(({ kind }) => kind === 'quality').map(({ rows }) => rows),
    [500],
  );
  assert.ok((await log.sum('plinth_drift_score', 'field="quality"', 'check="accuracy"')) > 0.25);
});

test('quality is not judged by the few labels whose answers were logged', async (t) => {
  const log = await TestLog.start(t);
  await log.ask('PUT', '/teams/team-a/models/delays/versions/3/baseline', baselineOf(20_000));
  for (let at = 0; at < 500; at += 100)
    await log.send(
      Array.from({ length: 100 }, (_, i) => record(`q-${at + i}`, at + i < 99 ? {} : { response: null })),
    );
  await log.ask(
    'POST',
    '/feedback',
    told(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`q-${i}`, 1]))),
  );
  const found = await log.service.watch.step();
  assert.deepEqual(
    found.filter(({ kind }) => kind === 'quality'),
    [],
  );
});

const judged = async (log: TestLog, version: string): Promise<readonly number[]> =>
  Promise.all(
    ['judged_rows', 'wrong_rows', 'error'].map((name) =>
      log.sum(`plinth_prediction_${name}_total`, `version="${version}"`),
    ),
  );

test('right and wrong predictions of each version are counted once, as their labels come', async (t) => {
  const log = await TestLog.start(t);
  const answer = (...data: unknown[]) => ({
    response: { outputs: [{ name: 'predict', shape: [data.length], datatype: 'INT64', data }] },
  });
  await log.ask('POST', '/feedback', told({ early: [1, 0] }));
  await log.service.watch.count();
  await log.send([
    record('early', answer(1, 1)),
    record('late', { ...answer(1), version: '4' }),
    record('unlike', answer(1)),
  ]);
  await log.service.watch.count();
  assert.deepEqual(await judged(log, '3'), [2, 1, 0]);
  await log.ask('POST', '/feedback', told({ early: [1, 1], late: true, unlike: [1, 1] }));
  await log.service.watch.count();
  await log.service.watch.count();
  assert.deepEqual(await judged(log, '3'), [2, 1, 0]);
  assert.deepEqual(await judged(log, '4'), [1, 0, 0]);
});

test('of a model of numbers it is how far off they were', async (t) => {
  const log = await TestLog.start(t);
  const own = { ...baselineOf(1000), quality: { kind: 'error', value: 0.1 } };
  await log.ask('PUT', '/teams/team-a/models/delays/versions/3/baseline', own);
  await log.send([record('r-1'), record('r-2')]);
  await log.ask('POST', '/feedback', told({ 'r-1': 0.5, 'r-2': 0.25 }));
  await log.service.watch.count();
  assert.deepEqual(await judged(log, '3'), [2, 0, 0.25]);
});

test('labels whose counting fails are counted by the next step', async (t) => {
  const log = await TestLog.start(t);
  await log.send([record('r-1')]);
  await log.ask('POST', '/feedback', told({ 'r-1': 0 }));
  await log.database.query('alter table baseline rename to elsewhere');
  await log.service.step();
  await log.database.query('alter table elsewhere rename to baseline');
  assert.deepEqual(await judged(log, '3'), [0, 0, 0]);
  await log.service.step();
  assert.deepEqual(await judged(log, '3'), [1, 1, 0]);
});

test('a baseline of a form that is not known keeps nothing from being counted, and no window open', async (t) => {
  const log = await TestLog.start(t);
  await log.ask('PUT', '/teams/team-a/models/delays/versions/3/baseline', baselineOf(1000));
  await log.database.query(`update baseline set content = '{"format":0}'`);
  await send(log, 9, 500, false);
  await log.ask('POST', '/feedback', told({ '9-0': 2 }));
  await log.service.step();
  assert.deepEqual(await judged(log, '3'), [1, 1, 0]);
  assert.equal(await log.sum('plinth_drift_windows_total', 'result="no_baseline"'), 1);
});

test('labels that wait for a prediction fill the backlog, and are forgotten after an hour', async (t) => {
  const log = await TestLog.start(t, { MAX_BACKLOG_BYTES: '500' });
  await log.send([record('r-1')]);
  await log.service.step();
  const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`made-up-${i}`, 1]));
  assert.equal((await log.ask('POST', '/feedback', told({ 'r-1': 1, ...many }))).status, 200);
  await log.service.step();
  const full = await log.ask('POST', '/feedback', told({ 'r-2': 1 }));
  assert.deepEqual([full.status, full.headers.get('retry-after')], [503, '2']);
  assert.match(((await full.json()) as { error: string }).error, /team team-a waits/);
  assert.equal((await log.send([record('r-2')])).status, 503);
  // Age is of what can be written.
  await log.service.writer.step(true);
  await log.service.step();
  assert.equal(await log.sum('plinth_prediction_backlog_seconds'), 0);
  assert.equal((await log.ask('POST', '/feedback', told({ 'r-2': 1 }))).status, 503);
  const labels = async () => (await log.database.query('select * from label')).rows.length;
  await forget(log.database, 30);
  assert.equal(await labels(), 11);
  await log.database.query(`update label set labelled_at = labelled_at - interval '61 minutes'`);
  await forget(log.database, 30);
  assert.equal(await labels(), 1);
  await log.service.step();
  assert.equal((await log.ask('POST', '/feedback', told({ 'r-2': 1 }))).status, 200);
});

test('every path that is served is described', async (t) => {
  const log = await TestLog.start(t);
  const answer = await log.ask('GET', '/openapi.json', undefined, null);
  const { paths } = (await answer.json()) as { paths: Record<string, object> };
  for (const [path, methods] of Object.entries(paths))
    for (const method of Object.keys(methods)) {
      const url = path.replace(/\{(\w+)\}/g, ':$1');
      assert.ok(
        log.service.teams.hasRoute({ method: method.toUpperCase() as 'GET', url }),
        `${method} ${path}`,
      );
    }
  assert.equal(Object.values(paths).flatMap((each) => Object.keys(each)).length, 4);
});
