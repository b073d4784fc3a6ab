import { rmdirSync, rmSync } from 'node:fs';
import { run as execute } from '../support/exec.ts';
import { waitFor } from '../support/wait.ts';
import { Daemons } from './daemons.ts';
import { forgetHost, mountsUnder, restoreHost } from './host.ts';
import { run as layout } from './layout.ts';
import { tearDownNetwork } from './network.ts';
import { disownLab, ownerOfLab } from './owner.ts';
import { below, labDaemons, podGroups, podProcesses } from './processes.ts';

/** The complaint of a host whose pods are somebody else's: the lab would take them for its own, and end them. */
export class ForeignPods extends Error {
  override readonly name = 'ForeignPods';
  constructor() {
    super(
      'pods of another Kubernetes run on this host; the lab needs one without, or: make up CONTEXT=<its context>',
    );
  }
}

/** Throws ForeignPods when pods run here though no lab has been recorded since the machine started. */
export const refuseForeignPods = (): void => {
  if (ownerOfLab() === undefined && podProcesses().size > 0) throw new ForeignPods();
};

const signal = (pids: Iterable<number>, name: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // Ended by itself.
    }
  }
};

const stopPods = async (): Promise<void> => {
  const none = (): true | undefined => (podProcesses().size === 0 ? true : undefined);
  // Databases write what they have in memory: the same first signal that Kubernetes sends, and time to heed it.
  signal(podProcesses(), 'SIGTERM');
  await waitFor('pods end', 20, none).catch(() => undefined);
  signal(podProcesses(), 'SIGKILL');
  await waitFor('pods end after SIGKILL', 20, none);
};

const unmountAll = async (): Promise<void> => {
  for (const path of mountsUnder(layout.root))
    await execute(['umount', path]).catch(() => execute(['umount', '--lazy', path]).catch(() => ''));
  const left = mountsUnder(layout.root);
  if (left.length > 0)
    throw new Error(`still mounted: ${left.join(', ')}; what keeps them busy must end first`);
};

/**
 * Ends whatever a lab left on this host, in any state: running, half started, or interrupted while it stopped.
 * Data stays. Afterwards mounts, links, routes, tables and settings are what they were before the first boot.
 */
export const clearRemains = async (): Promise<void> => {
  const daemons = new Daemons(layout.processes);
  // The kubelet first, or it would start again what ends.
  for (const name of ['forward', 'kubelet', 'kube-proxy', 'netpol']) await daemons.stop(name);
  await stopPods();
  for (const name of ['kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd', 'containerd'])
    await daemons.stop(name, 20);
  for (const name of daemons.names()) await daemons.stop(name);
  signal(labDaemons(), 'SIGKILL');
  await waitFor('every process of the lab ends', 20, () => (labDaemons().length === 0 ? true : undefined));
  await unmountAll();
  await waitFor('the control groups of pods go', 20, () => {
    for (const group of podGroups().flatMap(below)) rmdirSync(group);
    return true;
  });
  const { netnsMounted } = restoreHost();
  await tearDownNetwork(netnsMounted);
  // Again: taking links away may have changed what depends on them.
  restoreHost();
  forgetHost();
  for (const path of [layout.processes, layout.config, layout.containerd, layout.containerdSocket])
    rmSync(path, { recursive: true, force: true });
};

/** Stops the lab and gives the host up. */
export const shutDown = async (): Promise<void> => {
  await clearRemains();
  disownLab();
  // Were the data still mounted below, they would go with it.
  if (mountsUnder(layout.root).length === 0) rmSync(layout.root, { recursive: true, force: true });
};
