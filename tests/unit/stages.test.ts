import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lanes, stages } from '../stages.ts';

test('make test runs every stage once', () => {
  expect(lanes.flat().toSorted()).toEqual(Object.keys(stages).toSorted());
});

test('the lab has each file of its tests in one place', () => {
  const lab = stages['lab'];
  if (lab?.kind !== 'lab') throw new Error('no stage of the lab');
  const placed = [...lab.lanes.flat(), ...lab.last];
  expect(placed.toSorted()).toEqual([...new Set(placed)].toSorted());
  const files = readdirSync(join(import.meta.dirname, '../lab')).filter((file) => file.endsWith('.test.ts'));
  expect(files).toEqual(expect.arrayContaining(placed.map((name) => `${name}.test.ts`)));
});
