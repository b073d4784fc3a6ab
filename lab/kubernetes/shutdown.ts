import { rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../support/wait.ts';
import { Daemons } from './daemons.ts';
import {
  forgetHost,
  type HostAccess,
  mountsUnder,
  ownNamespaces,
  recordedHost,
  restoreHost,
  thisHost,
} from './host.ts';
import { run as layout } from './layout.ts';
import { tearDownNetwork } from './network.ts';
import { disownLab } from './owner.ts';
import { below, labDaemons, podGroups, podProcesses } from './processes.ts';

/** The complaint of a host whose pods are somebody else's: the lab would take them for its own, and end them. */
export class ForeignPods extends Error {
  override readonly name = 'ForeignPods';
  constructor(advice: string) {
    super(`pods of another Kubernetes run on this host; ${advice}`);
  }
}

/**
 * Whether a lab, this checkout's or another's, has run here since the machine started, and was not cleared away since:
 * its record of the host, its mounts and its processes are gone after a restart. Only then are the control groups of
 * pods and the tables of kube-proxy a lab's, since none starts where another Kubernetes has pods.
 */
const labRemains = (root: string): boolean =>
  recordedHost(root) !== undefined ||
  mountsUnder(join(root, layout.root)).length > 0 ||
  labDaemons(root).length > 0;

/** Throws ForeignPods, with what to do instead, when pods run here and nothing shows that they are a lab's. */
export const refuseForeignPods = (advice: string, root = '/'): void => {
  if (!labRemains(root) && podProcesses(root).size > 0) throw new ForeignPods(advice);
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

const stopPods = async (root: string): Promise<void> => {
  const none = (): true | undefined => (podProcesses(root).size === 0 ? true : undefined);
  // Databases write what they have in memory: the same first signal that Kubernetes sends, and time to heed it.
  signal(podProcesses(root), 'SIGTERM');
  await waitFor('pods end', 20, none).catch(() => undefined);
  signal(podProcesses(root), 'SIGKILL');
  await waitFor('pods end after SIGKILL', 20, none);
};

const unmountAll = async ({ root, run }: HostAccess): Promise<void> => {
  const folder = join(root, layout.root);
  for (const path of mountsUnder(folder))
    await run(['umount', path]).catch(() => run(['umount', '--lazy', path]).catch(() => ''));
  const left = mountsUnder(folder);
  if (left.length > 0)
    throw new Error(`still mounted: ${left.join(', ')}; what keeps them busy must end first`);
};

/**
 * Ends whatever a lab left on this host, in any state: running, half started, or interrupted while it stopped.
 * Data stays. Afterwards mounts, links, routes, tables and settings are what they were before the first boot.
 * Where nothing shows that a lab has run since the machine started, only what has a name of the lab's goes.
 */
export const clearRemains = async (host: HostAccess = thisHost): Promise<void> => {
  const { root } = host;
  // Asked first: what shows it is taken away below.
  const ours = labRemains(root);
  const daemons = new Daemons(join(root, layout.processes));
  // The kubelet first, or it would start again what ends.
  for (const name of ['forward', 'kubelet', 'kube-proxy', 'netpol']) await daemons.stop(name);
  if (ours) await stopPods(root);
  for (const name of ['kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd', 'containerd'])
    await daemons.stop(name, 20);
  for (const name of daemons.names()) await daemons.stop(name);
  signal(labDaemons(root), 'SIGKILL');
  const none = (): true | undefined => (labDaemons(root).length === 0 ? true : undefined);
  await waitFor('every process of the lab ends', 20, none);
  await unmountAll(host);
  if (ours)
    await waitFor('the control groups of pods go', 20, () => {
      for (const group of podGroups(root).flatMap(below)) rmdirSync(group);
      return true;
    });
  const { netnsMounted } = restoreHost(root);
  await tearDownNetwork({ namespaces: ownNamespaces(root), netnsMounted, proxied: ours }, host);
  // Again: taking links away may have changed what depends on them.
  restoreHost(root);
  forgetHost(root);
  for (const path of [layout.processes, layout.config, layout.containerd, layout.containerdSocket])
    rmSync(join(root, path), { recursive: true, force: true });
};

/** Stops the lab and gives the host up. Throws ForeignPods, and ends nothing, where other pods than a lab's run. */
export const shutDown = async (host: HostAccess = thisHost): Promise<void> => {
  const { root } = host;
  const advice =
    'nothing shows that a lab has since it started, so nothing was ended; data in .lab can be erased by hand';
  refuseForeignPods(advice, root);
  await clearRemains(host);
  disownLab(root);
  // Were the data still mounted below, they would go with it.
  const folder = join(root, layout.root);
  if (mountsUnder(folder).length === 0) rmSync(folder, { recursive: true, force: true });
};
