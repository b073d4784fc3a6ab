import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { baseline } from '../src/drift/baseline.ts';
import { isDrift } from '../src/drift/watch.ts';
import { WindowColumns } from '../src/drift/window.ts';
import { baselineOf, exchange, fields, type Row, type Shift, stream } from './support/flights.ts';
import { normal } from './support/random.ts';

const windowRows = 500;
const seeds = [11, 23, 37, 58, 91];

/** Windows of a stream, each request with as many rows as given. */
const windows = (next: () => Row, count: number, known = baselineOf(20_000), perRequest = 1) =>
  Array.from({ length: count }, () => {
    const columns = new WindowColumns(known);
    for (let row = 0; row < windowRows; row += perRequest) {
      const { request, response } = exchange(Array.from({ length: perRequest }, next));
      columns.add(JSON.stringify(request), JSON.stringify(response), perRequest);
    }
    return columns.scores();
  });

/** Fields that moved in any of the windows, sorted. */
const moved = (all: ReturnType<typeof windows>): readonly string[] =>
  [
    ...new Set(
      all.flatMap((scores) =>
        Object.entries(scores).flatMap(([field, found]) => (found.some(isDrift) ? [field] : [])),
      ),
    ),
  ].sort();

for (const seed of seeds)
  test(`an unshifted stream raises nothing in 20 windows (seed ${seed})`, () => {
    assert.deepEqual(moved(windows(stream(seed), 20)), []);
  });

test('an unshifted stream raises nothing against a baseline of a thousand rows either', () => {
  for (const seed of seeds)
    assert.deepEqual(moved(windows(stream(seed), 20, baselineOf(1000, seed + 7))), []);
});

const plus =
  (amount: number): Shift['of'] =>
  (value) =>
    typeof value === 'number' ? value + amount : value;

const shifts: Readonly<Record<string, Shift>> = {
  'warmer by six tenths of its deviation': { field: 'temperature', of: plus(4.8) },
  'half as scattered': { field: 'temperature', of: (value) => 12 + (Number(value) - 12) / 2 },
  'twice as far': { field: 'distance', of: (value) => Number(value) * 2 },
  'departures only by day': { field: 'departure', of: (_, next) => 6 + 12 * next() },
  'rain as often again': {
    field: 'rain',
    of: (value, next) => (value === 0 && next() < 0.5 ? 1 + next() : value),
  },
  'a summer only': { field: 'month', of: (_, next) => 6 + Math.floor(next() * 3) },
  'an airline that leaves': { field: 'carrier', of: (value) => (value === 'AA' ? 'DL' : value) },
  'an airline that nobody knew': { field: 'carrier', of: (value, next) => (next() < 0.05 ? 'ZZ' : value) },
  'weekends as often as days of work': { field: 'weekend', of: (_, next) => String(next() < 0.55) },
  'a sensor that fails': { field: 'wind', of: (value, next) => (next() < 0.3 ? null : value) },
  'a gap where there was none': { field: 'distance', of: (value, next) => (next() < 0.05 ? null : value) },
  'values of another unit': { field: 'temperature', of: (value, next) => (next() < 0.05 ? 300 : value) },
  'another mix of predictions': {
    field: 'prediction',
    of: (_, next) => 1 / (1 + Math.exp(1 - 1.2 * normal(next))),
  },
};
for (const [title, shift] of Object.entries(shifts))
  test(`drift of ${shift.field} (${title}) is found in its first window, and no other field's`, () => {
    for (const seed of seeds) assert.deepEqual(moved(windows(stream(seed, [shift]), 1)), [shift.field]);
  });

test('two fields that moved are both named', () => {
  const both: Shift[] = [
    { field: 'temperature', of: plus(8) },
    { field: 'carrier', of: (value) => (value === 'DL' ? 'WN' : value) },
  ];
  for (const seed of seeds)
    assert.deepEqual(moved(windows(stream(seed, both), 3)), ['carrier', 'temperature']);
});

test('requests of many rows make the same windows', () => {
  const known = baselineOf(20_000);
  assert.deepEqual(windows(stream(3), 2, known, 100), windows(stream(3), 2, known, 1));
});

test('a field that callers no longer send is missing; one that is redacted says nothing', () => {
  const known = baselineOf(20_000);
  const next = stream(5);
  const [without, hidden] = [new WindowColumns(known), new WindowColumns(known)];
  for (let row = 0; row < windowRows; row += 1) {
    const { request, response } = exchange([next()]);
    const { inputs } = request as { inputs: { name: string }[] };
    const others = inputs.filter(({ name }) => name !== 'distance');
    without.add(JSON.stringify({ inputs: others }), JSON.stringify(response), 1);
    const redacted = { name: 'distance', shape: [1, 1], datatype: 'FP64', data: '[redacted]' };
    hidden.add(JSON.stringify({ inputs: [...others, redacted] }), JSON.stringify(response), 1);
  }
  assert.deepEqual(moved([without.scores()]), ['distance']);
  assert.deepEqual(moved([hidden.scores()]), []);
  assert.equal(hidden.scores()['distance'], undefined);
  assert.deepEqual(Object.keys(hidden.scores()).sort(), fields.filter((each) => each !== 'distance').sort());
});

test("the SDK's baseline is read, and its own data don't drift from it", () => {
  const known = baseline.parse(
    JSON.parse(readFileSync(join(import.meta.dirname, 'support/baseline.json'), 'utf8')),
  );
  const columns = new WindowColumns(known);
  for (let i = 0; i < windowRows; i += 1) {
    const data = {
      distance: i % 50 === 0 ? null : 100 + ((i * 37) % 900),
      month: 1 + (i % 12),
      carrier: ['AA', 'DL', 'UA', 'WN'][(i * i) % 4],
      weekend: i % 7 > 4,
    };
    const inputs = Object.entries(data).map(([name, value]) => ({ name, shape: [1], data: [value] }));
    columns.add(
      JSON.stringify({ inputs }),
      JSON.stringify({ outputs: [{ name: 'y', data: [i % 5 === 0] }] }),
      1,
    );
  }
  assert.deepEqual(moved([columns.scores()]), []);
  assert.deepEqual(Object.keys(columns.scores()).sort(), [
    ...['carrier', 'distance', 'month', 'prediction', 'weekend'],
  ]);
});
