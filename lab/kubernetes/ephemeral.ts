import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ensureDebianPackages } from '../support/apt.ts';
import { buildKubernetes } from './build.ts';
import { apiServerUrl, type ControlPlane, startControlPlane } from './control-plane.ts';
import { Daemons } from './daemons.ts';
import { guard } from './guard.ts';
import { ensurePki, writeKubeconfig } from './pki.ts';

/** A running API server without a node, for tests of what is applied rather than of what runs. */
export interface EphemeralCluster {
  /** A kubeconfig whose only context is named `plinth-test`. */
  readonly kubeconfig: string;
  /** The folder of kubectl and the other programs. */
  readonly programs: string;
  /** Ends every process; the folder and its data are the caller's to remove. */
  stop(): Promise<void>;
}

/** Ports that no kernel gives away by itself: between a look at one and its use, other programs ask for any port. */
const range = { first: 10_000, last: 19_999 };

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** Free TCP ports of the loopback, all different. */
const freePorts = async (count: number): Promise<readonly number[]> => {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(range.first, range.last + 1);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
};

/**
 * Boots etcd, the API server and the controller manager on free ports of the loopback; several may run at once.
 * They end with the calling process, however it ends.
 */
export const bootControlPlane = async (options: { readonly folder: string }): Promise<EphemeralCluster> => {
  const { folder } = options;
  mkdirSync(folder, { recursive: true });
  await ensureDebianPackages(['etcd-server', 'openssl'], join(folder, 'packages.log'));
  const programs = await buildKubernetes(join(folder, 'build.log'));
  const [etcd = 0, etcdPeer = 0, apiServer = 0, controllerManager = 0, scheduler = 0] = await freePorts(5);
  const pki = await ensurePki(join(folder, 'pki'), 'none', []);
  const plane: ControlPlane = {
    programs,
    pki,
    address: '127.0.0.1',
    ports: { etcd, etcdPeer, apiServer, controllerManager, scheduler },
    serviceRange: '10.97.0.0/16',
    data: join(folder, 'etcd'),
    config: join(folder, 'config'),
    logs: join(folder, 'logs'),
    withNode: false,
  };
  const daemons = new Daemons(join(folder, 'processes'));
  const release = guard(join(folder, 'processes'));
  const stop = async (): Promise<void> => {
    for (const name of ['kube-controller-manager', 'kube-apiserver', 'etcd']) await daemons.stop(name, 2);
    release();
  };
  try {
    await startControlPlane(plane, daemons);
    const kubeconfig = join(folder, 'kubeconfig');
    writeKubeconfig(kubeconfig, apiServerUrl(plane), pki.ca.cert, pki.admin, 'plinth-test');
    return { kubeconfig, programs, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
