import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const checkout = join(import.meta.dirname, '../..');
const folder = join(checkout, '.lab');
const marker = join(folder, 'made-by-tests');

/** What the host was like before the first `make up`; make down keeps it, and PURGE=1 erases it. */
export const hostBefore = join(folder, 'host-before.json');

/** True when the tests are to take the lab that runs, and to leave it. */
export const asIs = (): boolean => process.env['PLINTH_LAB_AS_IS'] === '1';

/** True when a run of the tests that began before ours has brought the lab up, and ends it. */
export const isHeld = (): boolean => process.env['PLINTH_LAB_HELD'] === '1';

/** Marks the lab as the tests' own; refuses one that somebody has data in. */
export const claimLab = (): void => {
  if (existsSync(folder) && !existsSync(marker))
    throw new Error(
      `${folder} holds somebody's lab, which the tests would erase at their end: run them in a clone of their own, ` +
        'or with PLINTH_LAB_AS_IS=1 on the lab that runs, or erase it first with make down PURGE=1',
    );
  mkdirSync(folder, { recursive: true });
  writeFileSync(marker, '');
};

export const isOwnLab = (): boolean => existsSync(marker);
