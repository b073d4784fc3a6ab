import { spawnSync } from 'node:child_process';
import { asIs, checkout, claimLab } from './owner.ts';

const lab = (...args: readonly string[]): number =>
  spawnSync(process.execPath, ['lab/cli.ts', ...args], {
    cwd: checkout,
    stdio: ['ignore', 'inherit', 'inherit'],
  }).status ?? 1;

/** Brings the lab up for all lab tests. With PLINTH_LAB_AS_IS=1 they take the one that runs, and leave it. */
export default (): void => {
  if (asIs()) return;
  claimLab();
  if (lab('up') === 0) return;
  // jest runs no teardown after a failed set-up.
  lab('down', '--purge');
  throw new Error('the lab did not come up: see above, and the logs it names');
};
