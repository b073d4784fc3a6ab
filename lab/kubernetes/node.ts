import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run as execute } from '../support/exec.ts';
import { apiServerUrl, type ControlPlane } from './control-plane.ts';
import type { Daemon, Daemons } from './daemons.ts';
import { type Folders, lab, run as layout } from './layout.ts';
import { writeKubeconfig } from './pki.ts';
import { registriesFolder } from './registries.ts';

/** The command of a containerd client with these words. */
export type Containerd = (...args: readonly string[]) => readonly string[];

/** A client bound to a socket and to Kubernetes' namespace there. */
export const ctrOn =
  (socket: string): Containerd =>
  (...args) => ['ctr', '--address', socket, '--namespace', 'k8s.io', ...args];

/** A client of the lab's. */
export const ctr = ctrOn(layout.containerdSocket);

const containerdConfig = (pause: string): string => `version = 2
root = "${layout.node}/containerd"
state = "${layout.containerd}"
# Replaced processes (the shims, the containers) must not be killed before containerd itself.
oom_score = -999

[grpc]
  address = "${layout.containerdSocket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${layout.node}/containerd-opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pause}"
  # A host that is itself confined may not lower the score of a process, and then no pod would start.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${registriesFolder}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${layout.cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`;

/** The resolver that pods' own names are forwarded to; systemd's stub listens where no pod can reach it. */
const resolverFile = (): string => {
  const upstream = '/run/systemd/resolve/resolv.conf';
  return existsSync(upstream) ? upstream : '/etc/resolv.conf';
};

const kubeletConfig = (plane: ControlPlane, folders: Folders): object => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address: lab.nodeAddress,
  healthzBindAddress: lab.nodeAddress,
  readOnlyPort: 0,
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: plane.pki.ca.cert },
  },
  authorization: { mode: 'Webhook' },
  tlsCertFile: plane.pki.kubelet.cert,
  tlsPrivateKeyFile: plane.pki.kubelet.key,
  cgroupDriver: 'cgroupfs',
  failCgroupV1: false,
  failSwapOn: false,
  clusterDNS: [lab.dnsService],
  clusterDomain: 'cluster.local',
  resolvConf: resolverFile(),
  containerRuntimeEndpoint: `unix://${layout.containerdSocket}`,
  podLogsDir: join(folders.logs, 'pods'),
  containerLogMaxSize: '10Mi',
  volumePluginDir: join(layout.node, 'volume-plugins'),
  maxPods: 110,
  // Changed Secrets reach mounted volumes within this time.
  syncFrequency: '10s',
  makeIPTablesUtilChains: false,
  // An image that was imported can't be pulled again: none may be collected.
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '2%',
    'nodefs.inodesFree': '2%',
    'imagefs.available': '2%',
  },
});

const proxyConfig = (): object => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'nftables',
  clusterCIDR: lab.podNetwork,
  hostnameOverride: lab.node,
  bindAddress: lab.nodeAddress,
  healthzBindAddress: `${lab.nodeAddress}:10256`,
  metricsBindAddress: `${lab.nodeAddress}:10249`,
  nodePortAddresses: [`${lab.nodeAddress}/32`],
  clientConnection: { kubeconfig: join(layout.config, 'proxy.kubeconfig') },
  // Zero leaves the host's own limits alone.
  conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
});

/** Leaves a file alone that says it already: kube-proxy ends itself when its own is written to. */
const write = (name: string, content: string): string => {
  const file = join(layout.config, name);
  if (!existsSync(file) || readFileSync(file, 'utf8') !== content)
    writeFileSync(file, content, { mode: 0o600 });
  return file;
};

const containerdDaemon = (folders: Folders, pause: string): Daemon => {
  const config = write('containerd.toml', containerdConfig(pause));
  return {
    name: 'containerd',
    log: join(folders.logs, 'containerd.log'),
    command: ['containerd', '--config', config],
    inputs: [config],
  };
};

/** Starts containerd alone, which is enough to import images; `pause` is the image that holds a pod's namespaces. */
export const startContainerd = async (folders: Folders, daemons: Daemons, pause: string): Promise<void> => {
  mkdirSync(layout.config, { recursive: true, mode: 0o700 });
  const daemon = containerdDaemon(folders, pause);
  await daemons.ensure(daemon);
  await daemons.ready(daemon, 60, () => execute(ctr('version'), { timeoutMs: 5_000 }));
};

/** Starts the kubelet and kube-proxy and resolves when the API server knows the node as Ready. */
export const startNode = async (
  plane: ControlPlane,
  folders: Folders,
  daemons: Daemons,
  kubectl: (...args: readonly string[]) => Promise<string>,
): Promise<void> => {
  const url = apiServerUrl(plane);
  for (const [name, user] of [
    ['kubelet', plane.pki.node],
    ['proxy', plane.pki.proxy],
  ] as const)
    writeKubeconfig(join(layout.config, `${name}.kubeconfig`), url, plane.pki.ca.cert, user, name);
  const config = write('kubelet.json', JSON.stringify(kubeletConfig(plane, folders), undefined, 2));
  const kubelet: Daemon = {
    name: 'kubelet',
    log: join(folders.logs, 'kubelet.log'),
    command: [
      join(plane.programs, 'kubelet'),
      `--config=${config}`,
      `--kubeconfig=${join(layout.config, 'kubelet.kubeconfig')}`,
      `--root-dir=${join(layout.node, 'kubelet')}`,
      `--hostname-override=${lab.node}`,
      `--node-ip=${lab.nodeAddress}`,
      '--node-labels=topology.kubernetes.io/zone=lab',
    ],
    inputs: [config, join(layout.config, 'kubelet.kubeconfig'), plane.pki.kubelet.cert],
  };
  const proxyFile = write('proxy.json', JSON.stringify(proxyConfig(), undefined, 2));
  const proxy: Daemon = {
    name: 'kube-proxy',
    log: join(folders.logs, 'kube-proxy.log'),
    command: [join(plane.programs, 'kube-proxy'), `--config=${proxyFile}`],
    inputs: [proxyFile, join(layout.config, 'proxy.kubeconfig')],
  };
  const begun = (await daemons.ensure(kubelet)) === 'started';
  await daemons.ensure(proxy);
  const since = Date.now();
  await daemons.ready(kubelet, 120, async () => {
    const node = JSON.parse(await kubectl('get', 'node', lab.node, '-o', 'json')) as {
      status: { conditions: readonly { type: string; status: string; lastHeartbeatTime: string }[] };
    };
    const ready = node.status.conditions.find(({ type }) => type === 'Ready');
    // After a restart the API server still remembers what the last kubelet said.
    const current = !begun || Date.parse(ready?.lastHeartbeatTime ?? '') >= since - 2_000;
    if (ready?.status !== 'True' || !current) throw new Error('the node is not Ready');
  });
};
