import { existsSync, readFileSync, rmSync } from 'node:fs';
import { run } from './exec.ts';

/**
 * Removes a folder, after it has unmounted whatever lies below, deepest first: through a mount that a killed program
 * left, what is mounted there would be removed as well.
 */
export const discard = async (folder: string): Promise<void> => {
  if (!existsSync(folder)) return;
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .map((path) =>
      path.replaceAll(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((path) => path.startsWith(`${folder}/`))
    .toReversed();
  for (const mount of mounts) await run(['umount', '--lazy', mount]);
  rmSync(folder, { recursive: true, force: true });
};
