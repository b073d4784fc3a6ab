import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { SynthesizedChart } from './index.ts';

const ours = /^\d{2,}-[a-z0-9.-]+\.k8s\.yaml$/;

/**
 * Replaces the files of a folder by these: they are written beside it and put in its place when all are there, so
 * nobody ever reads half of a platform. Throws, and changes nothing, if the folder holds anything else.
 */
export const writeManifests = (
  folder: string,
  charts: readonly Pick<SynthesizedChart, 'file' | 'text'>[],
): void => {
  const foreign = existsSync(folder) ? readdirSync(folder).filter((file) => !ours.test(file)) : [];
  if (foreign.length > 0) {
    throw new Error(`${folder} holds ${foreign[0]}, which is no manifest of Plinth's; choose another --out`);
  }
  const sibling = (suffix: string): string =>
    join(dirname(folder), `.${basename(folder)}.${process.pid}.${suffix}`);
  const fresh = sibling('new');
  const former = sibling('old');
  try {
    mkdirSync(fresh, { recursive: true });
    for (const { file, text } of charts) writeFileSync(`${fresh}/${file}`, text);
    if (existsSync(folder)) renameSync(folder, former);
    renameSync(fresh, folder);
  } catch (error) {
    if (!existsSync(folder) && existsSync(former)) renameSync(former, folder);
    throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(former, { recursive: true, force: true });
  }
};
