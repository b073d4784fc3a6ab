import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Unmet } from './prerequisites.ts';
import { offlineEnvironment, pulumiToolchain } from './pulumi/build.ts';
import { applyStack } from './stack.ts';
import { withLock } from './support/lock.ts';
import { Progress } from './support/progress.ts';
import { writeOutputs } from './up.ts';

const installed = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/**
 * The environment of Pulumi for a cluster of the user's: their own Pulumi with its official provider where it is
 * installed, or else the lab's tool chain, which PLINTH_PROVIDER=official refuses.
 */
const pulumi = async (log: string, note: (text: string) => void): Promise<NodeJS.ProcessEnv> => {
  if (installed('pulumi')) {
    note('the Pulumi on PATH, with its official Kubernetes provider');
    return process.env;
  }
  if (process.env['PLINTH_PROVIDER'] === 'official')
    throw new Unmet(
      'PLINTH_PROVIDER=official, and there is no pulumi on PATH; install it, or unset the variable',
    );
  note("the lab's tool chain, with its stand-in for the Kubernetes provider");
  return offlineEnvironment(await pulumiToolchain(log));
};

/** Applies the environment `local` to an existing cluster, named by a context of the user's kubeconfig. */
export const upOnContext = async (checkout: string, context: string): Promise<void> => {
  const folder = join(checkout, '.stacks', encodeURIComponent(context));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const kubeconfig = process.env['KUBECONFIG'] ?? join(homedir(), '.kube', 'config');
  await withLock(join(folder, 'lock'), async () => {
    const progress = new Progress(2, join(folder, 'logs'));
    const env = await progress.step('Pulumi', ({ log, note }) => pulumi(log, note));
    const outputs = await progress.step(`Apply the environment local to ${context}`, ({ log }) =>
      applyStack({ checkout, folder, context, kubeconfig, env, log }),
    );
    writeOutputs(folder, outputs);
    console.log(`applied to ${context}; addresses and logins are in ${folder}`);
  });
};
