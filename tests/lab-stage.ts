import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { inCompany } from './company.ts';
import { jest } from './jest.ts';
import setUp from './lab/setup.ts';
import tearDown from './lab/teardown.ts';
import { type Counted, together } from './outcome.ts';
import type { LabStage } from './stages.ts';

const folder = join(import.meta.dirname, 'lab');
const ending = '.test.ts';
const pathOf = (name: string): string => join(folder, `${name}${ending}`);

/** Names of the files that no lane has, those of `last` at the end. */
const restOf = ({ lanes, last }: LabStage): readonly string[] => {
  const all = readdirSync(folder)
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length));
  const placed = new Set([...lanes.flat(), ...last]);
  return [...all.filter((name) => !placed.has(name)), ...last];
};

/** Brings the lab up, runs every file of its tests, and leaves the machine as it was. */
export const labTests = async (stage: LabStage): Promise<Counted> => {
  const failed = (what: string, error: unknown): Counted => ({
    ...{ passed: 0, failed: 1, failures: [`${what}: ${error}`], skipped: [] },
  });
  try {
    await setUp();
  } catch (error) {
    return failed('the set-up of the lab', error);
  }
  // The files find the lab as it is, and neither start nor stop it around themselves.
  const env = { ...process.env, PLINTH_LAB_HELD: '1' };
  const parts: Counted[] = [];
  try {
    const inLane = (lane: readonly string[]): Promise<Counted> =>
      inCompany(`lab: ${lane.join(', ')}`, (output) =>
        jest({ project: 'lab', files: lane.map(pathOf), output, env }),
      );
    // No lane loses the lab because another broke.
    for (const lane of await Promise.allSettled(stage.lanes.map(inLane)))
      parts.push(lane.status === 'fulfilled' ? lane.value : failed('a lane of the lab', lane.reason));
    const rest = restOf(stage);
    console.log(`\n=== lab: ${rest.join(', ')}`);
    parts.push(await jest({ project: 'lab', files: rest.map(pathOf), env }));
  } finally {
    try {
      tearDown();
    } catch (error) {
      parts.push(failed('the end of the lab', error));
    }
  }
  return together(parts);
};
