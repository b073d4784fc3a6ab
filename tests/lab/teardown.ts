import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Leaves the machine as it was, data erased. */
export default (): void => {
  if (process.env['PLINTH_LAB_AS_IS'] === '1') return;
  const { status } = spawnSync(process.execPath, ['lab/cli.ts', 'down', '--purge'], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`lab/cli.ts down --purge ended with ${status}`);
};
