import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rounds, stages } from '../stages.ts';

test('make test runs every stage once, and the lab without company', () => {
  expect(rounds.flat(2).toSorted()).toEqual(Object.keys(stages).toSorted());
  expect(rounds.filter((lanes) => lanes.flat().includes('lab'))).toEqual([[['lab']]]);
});

test('the lab has each file of its tests in one place', () => {
  const lab = stages['lab'];
  if (lab?.kind !== 'lab') throw new Error('no stage of the lab');
  const placed = [...lab.lanes.flat(), ...lab.last];
  expect(placed.toSorted()).toEqual([...new Set(placed)].toSorted());
  const files = readdirSync(join(import.meta.dirname, '../lab')).filter((file) => file.endsWith('.test.ts'));
  expect(files).toEqual(expect.arrayContaining(placed.map((name) => `${name}.test.ts`)));
});
