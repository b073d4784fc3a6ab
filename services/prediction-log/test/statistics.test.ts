import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inputsOf, outputsOf, rowsOf } from '../src/drift/columns.ts';
import { cohensH, compare, kolmogorovSmirnov, psi, quality } from '../src/drift/statistics.ts';

const near = (found: number | undefined, expected: number, within = 1e-9): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) <= within, `got ${found}, expected ${expected}`);

const grid = Array.from({ length: 101 }, (_, i) => i);
const numbers = { kind: 'number', missing: 0, quantiles: grid } as const;
const scoreOf = (scores: ReturnType<typeof compare>, check: string) =>
  scores.find((each) => each.check === check)?.value;

test('PSI and h are what a calculator says', () => {
  near(psi([0.5, 0.5], [0.25, 0.75]), 0.25 * Math.log(2) + 0.25 * Math.log(1.5));
  near(psi([0.2, 0.8], [0.2, 0.8]), 0);
  near(cohensH(0.5, 0.5), 0);
  near(cohensH(0, 1), Math.PI);
  near(cohensH(0.2, 0.3), cohensH(0.3, 0.2));
});

test('the distance of Kolmogorov and Smirnov is exact, ties included', () => {
  const even = Array.from({ length: 1000 }, (_, i) => (i + 0.5) / 10);
  near(kolmogorovSmirnov(grid, even), 0.0005);
  near(
    kolmogorovSmirnov(
      grid,
      even.map((x) => x / 2),
    ),
    0.5,
    0.001,
  );
  near(kolmogorovSmirnov(grid, [1000, 1000]), 1);
  // Six tenths of the baseline are zero, and so is the window's part.
  const inflated = grid.map((i) => (i <= 60 ? 0 : i - 60));
  const same = Array.from({ length: 1000 }, (_, i) => (i < 600 ? 0 : (i - 600) / 10));
  assert.ok(kolmogorovSmirnov(inflated, same) < 0.011);
  near(
    kolmogorovSmirnov(
      inflated,
      same.map(() => 0),
    ),
    0.4,
    0.011,
  );
});

test('a constant that stays is no drift, and one that changes is', () => {
  const constant = { kind: 'number', missing: 0, quantiles: grid.map(() => 7) } as const;
  const stays = compare(constant, Array(500).fill(7));
  for (const { value } of stays) near(value, 0);
  const changes = compare(constant, Array(500).fill(8));
  near(scoreOf(changes, 'ks'), 1);
  assert.ok((scoreOf(changes, 'psi') ?? 0) > 1);
});

test('text where numbers were is out of range', () => {
  const found = compare(numbers, Array(500).fill('n/a'));
  near(scoreOf(found, 'range'), Math.PI);
  assert.equal(scoreOf(found, 'psi'), undefined);
});

test('too few values say nothing but that they are missing', () => {
  assert.deepEqual(compare(numbers, Array(99).fill(1)), []);
  const found = compare(numbers, [...Array(450).fill(null), ...Array(50).fill(1)]);
  assert.deepEqual(
    found.map(({ check }) => check),
    ['missing'],
  );
});

test('a column that was always empty may stay so', () => {
  near(scoreOf(compare({ kind: 'empty', missing: 1 }, Array(500).fill(null)), 'missing'), 0);
  near(scoreOf(compare({ kind: 'empty', missing: 1 }, Array(500).fill(3)), 'missing'), Math.PI);
});

test('quality only moves for the worse', () => {
  const pairs = (right: number) => Array.from({ length: 500 }, (_, i) => [1, i < right ? 1 : 0] as const);
  near(quality({ kind: 'accuracy', value: 0.9 }, pairs(500))?.value, 0);
  near(quality({ kind: 'accuracy', value: 0.9 }, pairs(400))?.value, cohensH(0.9, 0.8));
  near(quality({ kind: 'error', value: 2 }, Array(100).fill([1, 4]))?.value, 1.5);
  near(quality({ kind: 'accuracy', value: 1 }, Array(100).fill([0, 'false']))?.value, 0);
  near(quality({ kind: 'accuracy', value: 1 }, Array(100).fill([1, 'true']))?.value, 0);
});

test('too few pairs say nothing of quality', () => {
  for (const kind of ['accuracy', 'error'] as const)
    assert.equal(quality({ kind, value: 0.9 }, Array(99).fill([1, 0])), undefined);
  const words = [...Array(99).fill([1, 0]), ...Array(400).fill(['late', 'early'])];
  assert.equal(quality({ kind: 'error', value: 0.9 }, words), undefined);
});

test('columns come from tensors of any shape', () => {
  const body = {
    inputs: [
      { name: 'a', shape: [2], datatype: 'FP64', data: [1, null] },
      {
        name: 'b',
        shape: [2, 2],
        datatype: 'FP64',
        data: [
          [1, 2],
          [3, 4],
        ],
      },
      { name: 'c', shape: [2, 1], datatype: 'BYTES', data: ['x', 'NaN'] },
      { name: 'd', shape: [2], datatype: 'BOOL', data: [true, false] },
      { name: 'e', shape: [2], datatype: 'FP64', data: '[redacted]' },
      { name: 'f', shape: [3, 2], datatype: 'FP64', data: [1, 2] },
    ],
  };
  const columns = inputsOf(JSON.stringify(body));
  assert.deepEqual(Object.fromEntries(columns), {
    a: [1, null],
    'b[0]': [1, 3],
    'b[1]': [2, 4],
    c: ['x', null],
    d: ['true', 'false'],
    e: 'hidden',
  });
  assert.equal(rowsOf(columns), 2);
  const outputs = outputsOf(JSON.stringify({ outputs: [{ name: 'y', data: [5] }] }));
  assert.deepEqual(Object.fromEntries(outputs), { y: [5], prediction: [5] });
  for (const other of [null, '', '[]', '{"inputs":3}', '"x"']) assert.equal(rowsOf(inputsOf(other)), 0);
});
