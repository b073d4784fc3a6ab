import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { ImageName } from '../../constructs/catalogue/index.ts';
import { cached } from '../support/cache.ts';
import { run } from '../support/exec.ts';
import { goEnvironment, goTool } from '../support/go.ts';
import { contextOf, hashOf } from './content.ts';

/** Whether an image's programs are built from a Go module, by its build.sh. */
export const hasPrograms = (name: ImageName): boolean => existsSync(join(contextOf(name), 'go.mod'));

/**
 * Builds an image's programs with this machine's own Go and caches, minutes the first time, and resolves to their
 * folder. Tests use them too, without unpacking an image.
 */
export const buildPrograms = (name: ImageName, log?: string): Promise<string> => {
  const folder = contextOf(name);
  return cached(`go/${name}`, `${process.arch}-${hashOf(folder)}`, async (into) => {
    // With the Node.js that runs this: web pages that go into a program are built with it.
    const path = [dirname(goTool()), dirname(process.execPath), process.env['PATH']].join(delimiter);
    await run(['sh', join(folder, 'build.sh'), into], {
      cwd: folder,
      // A go.mod that asks for a newer Go than the machine's gets it from the module proxy.
      env: goEnvironment({ PATH: path, GOTOOLCHAIN: 'auto' }),
      ...(log === undefined ? {} : { log }),
    });
  });
};
