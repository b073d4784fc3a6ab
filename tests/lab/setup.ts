import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { ownerOfLab } from '../../lab/kubernetes/owner.ts';
import { debianPackages } from '../../lab/prerequisites.ts';
import { ensureDebianPackages } from '../../lab/support/apt.ts';
import { alone } from '../alone.ts';
import { hostState } from './host.ts';
import { asIs, checkout, claimLab, hostBefore, isHeld } from './owner.ts';

const lab = (...args: readonly string[]): number =>
  spawnSync(process.execPath, ['lab/cli.ts', ...args], {
    cwd: checkout,
    stdio: ['ignore', 'inherit', 'inherit'],
  }).status ?? 1;

/** Brings the lab up for all lab tests. With PLINTH_LAB_AS_IS=1 they take the one that runs, and leave it. */
export default async (): Promise<void> => {
  if (asIs() || isHeld()) return;
  claimLab();
  // What packages bring is there to stay.
  await ensureDebianPackages(debianPackages);
  // A run that was killed may have left its lab: the host was written down before that was started.
  if (!existsSync(hostBefore) || ownerOfLab() === undefined)
    await alone('host', async () => writeFileSync(hostBefore, JSON.stringify(hostState())));
  if (lab('up') === 0) return;
  // jest runs no teardown after a failed set-up.
  lab('down', '--purge');
  throw new Error('the lab did not come up: see above, and the logs it names');
};
