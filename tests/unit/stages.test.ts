import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { together } from '../outcome.ts';
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

describe('parts of a stage', () => {
  const part = { passed: 2, failed: 1, failures: ['a'], skipped: [] };

  test('are added up, with the files to run again', () => {
    const again = { files: ['a.test.ts'], passedElsewhere: 1 };
    const clean = { ...part, failed: 0, failures: [], again: { files: [], passedElsewhere: 2 } };
    expect(together([{ ...part, again }, clean])).toEqual({
      ...{ passed: 4, failed: 1, failures: ['a'], skipped: [] },
      again: { files: ['a.test.ts'], passedElsewhere: 3 },
    });
  });

  test('run again as a whole when one of them ended without saying what failed', () => {
    expect(together([part, { ...part, again: { files: ['a.test.ts'], passedElsewhere: 1 } }])).toEqual({
      ...{ passed: 4, failed: 2, failures: ['a', 'a'], skipped: [] },
    });
  });
});
