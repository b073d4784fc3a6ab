import { existsSync, rmSync } from 'node:fs';
import { setHosts } from './hosts.ts';
import { mountsUnder } from './kubernetes/host.ts';
import { foldersOf } from './kubernetes/layout.ts';
import { ownerOfLab, refuseForeignLab } from './kubernetes/owner.ts';
import { shutDown } from './kubernetes/shutdown.ts';
import { withLock } from './support/lock.ts';
import { Progress } from './support/progress.ts';
import { Unmet } from './support/unmet.ts';

export const labLock = '/run/lock/plinth-lab.lock';

export interface DownOptions {
  readonly checkout: string;
  /** Erases volumes, certificates, images and Pulumi's state as well. */
  readonly purge: boolean;
}

/** Stops the lab of this checkout and leaves the host as it was before; data stays unless purged. */
export const down = async ({ checkout, purge }: DownOptions): Promise<void> => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Unmet('only root on Linux can have started a lab, and stops it');
  const folders = foldersOf(checkout);
  const waiting = (): void =>
    console.log('another make up or make down of this host is at work; waiting for it');
  await withLock(
    labLock,
    async () => {
      if (ownerOfLab() === undefined && !existsSync(folders.root)) {
        console.log('there is no lab here');
        return;
      }
      refuseForeignLab(checkout);
      const progress = new Progress(purge ? 2 : 1, folders.logs);
      await progress.step('Stop the lab and restore the host', async () => {
        setHosts([]);
        await shutDown();
      });
      if (!purge) return;
      await progress.step('Erase its data', async () => {
        const mounted = mountsUnder(folders.root);
        if (mounted.length > 0)
          throw new Error(`still mounted, so nothing was erased: ${mounted.join(', ')}`);
        rmSync(folders.root, { recursive: true, force: true });
      });
    },
    waiting,
  );
};
