import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Daemon, Daemons } from './daemons.ts';
import { type Pki, writeKubeconfig } from './pki.ts';

/** Where the parts of a control plane listen and keep their files. */
export interface ControlPlane {
  /** The folder of the Kubernetes programs. */
  readonly programs: string;
  readonly pki: Pki;
  /** The address that every part binds to: pods reach the API server there as well. */
  readonly address: string;
  readonly ports: {
    readonly etcd: number;
    readonly etcdPeer: number;
    readonly apiServer: number;
    readonly controllerManager: number;
    readonly scheduler: number;
  };
  readonly serviceRange: string;
  /** etcd's data. */
  readonly data: string;
  /** Kubeconfigs of the components. */
  readonly config: string;
  readonly logs: string;
  /** Without a node nothing can be scheduled, and the address may be the loopback. */
  readonly withNode: boolean;
}

const flags = (options: Readonly<Record<string, string | number | boolean>>): readonly string[] =>
  Object.entries(options).map(([name, value]) => `--${name}=${value}`);

export const apiServerUrl = (plane: ControlPlane): string =>
  `https://${plane.address}:${plane.ports.apiServer}`;

const etcd = (plane: ControlPlane): Daemon => {
  const { address, ports, pki } = plane;
  const client = `https://${address}:${ports.etcd}`;
  const peer = `https://${address}:${ports.etcdPeer}`;
  return {
    name: 'etcd',
    log: join(plane.logs, 'etcd.log'),
    inputs: [pki.etcd.cert],
    // Debian's package reads ETCD_* settings of the environment: none of them may reach this one.
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    command: [
      'etcd',
      ...flags({
        'data-dir': plane.data,
        name: 'plinth',
        'listen-client-urls': client,
        'advertise-client-urls': client,
        'listen-peer-urls': peer,
        'initial-advertise-peer-urls': peer,
        'initial-cluster': `plinth=${peer}`,
        'cert-file': pki.etcd.cert,
        'key-file': pki.etcd.key,
        'trusted-ca-file': pki.ca.cert,
        'client-cert-auth': true,
        'peer-cert-file': pki.etcd.cert,
        'peer-key-file': pki.etcd.key,
        'peer-trusted-ca-file': pki.ca.cert,
        'peer-client-cert-auth': true,
        'auto-compaction-mode': 'periodic',
        'auto-compaction-retention': '1h',
        // One busy disk under image imports: a slow write must not cost the only member its leadership.
        'heartbeat-interval': 500,
        'election-timeout': 5000,
        logger: 'zap',
        'log-outputs': 'stderr',
      }),
    ],
  };
};

const apiServer = (plane: ControlPlane): Daemon => {
  const { address, ports, pki } = plane;
  return {
    name: 'kube-apiserver',
    log: join(plane.logs, 'kube-apiserver.log'),
    inputs: [pki.apiServer.cert, pki.ca.cert],
    command: [
      join(plane.programs, 'kube-apiserver'),
      ...flags({
        'bind-address': address,
        'secure-port': ports.apiServer,
        ...(plane.withNode ? { 'advertise-address': address } : { 'endpoint-reconciler-type': 'none' }),
        'etcd-servers': `https://${address}:${ports.etcd}`,
        'etcd-cafile': pki.ca.cert,
        'etcd-certfile': pki.apiServerToEtcd.cert,
        'etcd-keyfile': pki.apiServerToEtcd.key,
        'service-cluster-ip-range': plane.serviceRange,
        'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
        'service-account-key-file': pki.serviceAccounts.cert,
        'service-account-signing-key-file': pki.serviceAccounts.key,
        'client-ca-file': pki.ca.cert,
        'tls-cert-file': pki.apiServer.cert,
        'tls-private-key-file': pki.apiServer.key,
        'kubelet-certificate-authority': pki.ca.cert,
        'kubelet-client-certificate': pki.apiServerToKubelet.cert,
        'kubelet-client-key': pki.apiServerToKubelet.key,
        'kubelet-preferred-address-types': 'InternalIP',
        'authorization-mode': 'Node,RBAC',
        'enable-admission-plugins': 'NodeRestriction',
        'allow-privileged': true,
        'requestheader-client-ca-file': pki.frontProxyCa.cert,
        'requestheader-allowed-names': 'front-proxy-client',
        'requestheader-username-headers': 'X-Remote-User',
        'requestheader-group-headers': 'X-Remote-Group',
        'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
        'proxy-client-cert-file': pki.frontProxyClient.cert,
        'proxy-client-key-file': pki.frontProxyClient.key,
        profiling: false,
      }),
    ],
  };
};

const controllerManager = (plane: ControlPlane): Daemon => {
  const { pki } = plane;
  return {
    name: 'kube-controller-manager',
    log: join(plane.logs, 'kube-controller-manager.log'),
    inputs: [join(plane.config, 'controller-manager.kubeconfig')],
    command: [
      join(plane.programs, 'kube-controller-manager'),
      ...flags({
        kubeconfig: join(plane.config, 'controller-manager.kubeconfig'),
        'bind-address': plane.address,
        'secure-port': plane.ports.controllerManager,
        'tls-cert-file': pki.apiServer.cert,
        'tls-private-key-file': pki.apiServer.key,
        'root-ca-file': pki.ca.cert,
        'service-account-private-key-file': pki.serviceAccounts.key,
        'cluster-signing-cert-file': pki.ca.cert,
        'cluster-signing-key-file': pki.ca.key,
        'use-service-account-credentials': true,
        'service-cluster-ip-range': plane.serviceRange,
        // Its default lies under /usr, and is made when it is missing.
        'flex-volume-plugin-dir': join(plane.config, 'volume-plugins'),
        // One of each: an election could only be lost to a slow disk, and losing it ends the process.
        'leader-elect': false,
        // A node that is busy building images is late, not lost.
        'node-monitor-grace-period': '5m',
        profiling: false,
      }),
    ],
  };
};

const scheduler = (plane: ControlPlane): Daemon => ({
  name: 'kube-scheduler',
  log: join(plane.logs, 'kube-scheduler.log'),
  inputs: [join(plane.config, 'scheduler.kubeconfig')],
  command: [
    join(plane.programs, 'kube-scheduler'),
    ...flags({
      kubeconfig: join(plane.config, 'scheduler.kubeconfig'),
      'bind-address': plane.address,
      'secure-port': plane.ports.scheduler,
      'tls-cert-file': plane.pki.apiServer.cert,
      'tls-private-key-file': plane.pki.apiServer.key,
      'leader-elect': false,
      profiling: false,
    }),
  ],
});

const healthy = (plane: ControlPlane, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const { ca, admin } = plane.pki;
    const options = {
      ca: readFileSync(ca.cert),
      cert: readFileSync(admin.cert),
      key: readFileSync(admin.key),
      timeout: 5_000,
      agent: false,
    };
    const asked = request(`${apiServerUrl(plane)}${path}`, options, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`${path} answers ${response.statusCode}`));
    });
    asked.on('timeout', () => asked.destroy(new Error(`${path} does not answer`)));
    asked.on('error', reject);
    asked.end();
  });

/**
 * Starts what isn't running of etcd, the API server, the controller manager and (with a node) the scheduler, and
 * resolves when the API server answers `/readyz`. Writes the components' kubeconfigs under `config`.
 */
export const startControlPlane = async (plane: ControlPlane, daemons: Daemons): Promise<void> => {
  const { pki, config } = plane;
  mkdirSync(config, { recursive: true, mode: 0o700 });
  // etcd refuses a data folder that others can read.
  mkdirSync(plane.data, { recursive: true, mode: 0o700 });
  chmodSync(plane.data, 0o700);
  const url = apiServerUrl(plane);
  const kubeconfig = (name: string, user: Pki['admin']): void =>
    writeKubeconfig(join(config, `${name}.kubeconfig`), url, pki.ca.cert, user, name);
  kubeconfig('controller-manager', pki.controllerManager);
  kubeconfig('scheduler', pki.scheduler);
  await daemons.ensure(etcd(plane));
  const server = apiServer(plane);
  await daemons.ensure(server);
  // The controller manager ends when it isn't allowed to ask for the server's health within 10 seconds, and the roles
  // that allow it are among the last things that a busy machine's API server makes.
  await daemons.ready(server, 120, () => healthy(plane, '/readyz'));
  await daemons.ensure(controllerManager(plane));
  if (plane.withNode) await daemons.ensure(scheduler(plane));
};
