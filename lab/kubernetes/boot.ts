import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run as execute } from '../support/exec.ts';
import { waitFor } from '../support/wait.ts';
import { kubernetesVersion } from './build.ts';
import { apiServerUrl, type ControlPlane, startControlPlane } from './control-plane.ts';
import { type Daemon, Daemons } from './daemons.ts';
import { mountsUnder, recordHost } from './host.ts';
import { importImage, presentImages, type SystemImages } from './images.ts';
import { foldersOf, lab, run as layout } from './layout.ts';
import { setUpNetwork } from './network.ts';
import { startContainerd, startNode } from './node.ts';
import { asList } from './objects.ts';
import { claimLab, ownsLab, refuseForeignLab } from './owner.ts';
import { ensurePki, writeKubeconfig } from './pki.ts';
import { clearRemains, refuseForeignPods } from './shutdown.ts';
import { systemObjects } from './system.ts';

/** A cluster that runs, and how to speak to it. */
export interface RunningLab {
  readonly kubeconfig: string;
  readonly daemons: Daemons;
  /** Runs kubectl against the lab, whatever the user's own configuration says. */
  kubectl(
    args: readonly string[],
    options?: { readonly input?: string; readonly log?: string },
  ): Promise<string>;
}

export interface BootOptions {
  readonly checkout: string;
  /** The folder of the Kubernetes programs. */
  readonly programs: string;
  /** The folder of the NetworkPolicy agent's program. */
  readonly netpol: string;
  /** Imported before the node starts: no pod can do without them. */
  readonly images: SystemImages;
  readonly note: (text: string) => void;
}

const netpolHealth = '127.0.0.1:10260';

const bindData = async (data: string): Promise<void> => {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  // Volumes are writable for any user of a pod: nobody else of the host may come that far.
  chmodSync(data, 0o700);
  mkdirSync(layout.data, { recursive: true });
  if (!mountsUnder(layout.data).includes(layout.data)) await execute(['mount', '--bind', data, layout.data]);
  for (const folder of [layout.node, layout.volumes]) mkdirSync(folder, { recursive: true });
};

/**
 * Boots the one-node cluster, or completes one that was half started; parts that run already with the same
 * configuration are left alone. Resolves when the node and DNS are ready. The host's former settings are written
 * down first, for `shutDown` to restore.
 */
export const boot = async (options: BootOptions): Promise<RunningLab> => {
  const { checkout, programs, note } = options;
  const folders = foldersOf(checkout);
  refuseForeignLab(checkout);
  refuseForeignPods('the lab needs one without, or: make up CONTEXT=<its context>');
  // What lies there is nobody's any more, or describes a host that a restart has ended.
  if (!ownsLab(checkout)) await clearRemains();
  claimLab(checkout);
  recordHost();
  mkdirSync(folders.logs, { recursive: true });
  await bindData(folders.data);
  await setUpNetwork();
  const pki = await ensurePki(folders.pki, lab.node, [lab.nodeAddress, lab.apiService]);
  const plane: ControlPlane = {
    programs,
    pki,
    address: lab.nodeAddress,
    ports: { etcd: 2379, etcdPeer: 2380, apiServer: 6443, controllerManager: 10257, scheduler: 10259 },
    serviceRange: lab.serviceNetwork,
    data: folders.etcd,
    config: layout.config,
    logs: folders.logs,
    withNode: true,
  };
  const daemons = new Daemons(layout.processes);
  const kubectl: RunningLab['kubectl'] = (args, more = {}) =>
    execute([join(programs, 'kubectl'), '--kubeconfig', folders.kubeconfig, ...args], more);
  await startControlPlane(plane, daemons);
  note(`Kubernetes ${kubernetesVersion()} answers at ${apiServerUrl(plane)}`);
  writeKubeconfig(folders.kubeconfig, apiServerUrl(plane), pki.ca.cert, pki.admin, lab.context);
  await startContainerd(folders, daemons, options.images.pause.reference);
  const present = await presentImages();
  const { pause, coreDns, provisioner, volume } = options.images;
  for (const image of [pause, coreDns, provisioner, volume])
    if (!present.has(image.reference)) await importImage(image);
  await waitFor('the namespace kube-system', 60, () => kubectl(['get', 'namespace', 'kube-system']));
  const apply = ['apply', '--server-side', '--force-conflicts', '--field-manager=plinth-lab', '-f', '-'];
  await kubectl(apply, { input: asList(systemObjects(options.images)) });
  await startNode(plane, folders, daemons, (...args) => kubectl(args));
  const netpol: Daemon = {
    name: 'netpol',
    log: join(folders.logs, 'netpol.log'),
    command: [
      join(options.netpol, 'netpol'),
      ...['--kubeconfig', folders.kubeconfig],
      ...['--node', lab.node],
      ...['--pod-cidr', lab.podNetwork],
      ...['--pod-interface', lab.podBridge],
      // There is one node: without this no pod would need a policy for its way to the API server.
      '--enforce-node-egress',
      ...['--health-address', netpolHealth],
    ],
    inputs: [folders.kubeconfig],
  };
  await daemons.ensure(netpol);
  await daemons.ready(netpol, 60, async () => {
    const answer = await fetch(`http://${netpolHealth}/healthz`);
    if (!answer.ok) throw new Error(await answer.text());
  });
  note('the node is ready');
  const rollout = (name: string, namespace: string): Promise<string> =>
    kubectl(['rollout', 'status', `deployment/${name}`, '-n', namespace, '--timeout=180s']);
  await Promise.all([rollout('coredns', 'kube-system'), rollout('local-path-provisioner', 'plinth-lab')]);
  return { kubeconfig: folders.kubeconfig, daemons, kubectl };
};
