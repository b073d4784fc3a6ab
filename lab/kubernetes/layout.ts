import { join } from 'node:path';

/**
 * The names and addresses of the one lab of a host. Everything listens on an address of its own on an empty bridge,
 * so no port of the host is taken but the loopback's 443.
 */
export const lab = {
  node: 'plinth',
  nodeBridge: 'plinth-node',
  podBridge: 'plinth-pods',
  nodeAddress: '10.204.0.1',
  nodeNetwork: '10.204.0.0/24',
  podNetwork: '10.205.0.0/24',
  serviceNetwork: '10.206.0.0/16',
  apiService: '10.206.0.1',
  dnsService: '10.206.0.10',
  domain: 'plinth.localhost',
  /** The name of the context in .lab/kubeconfig. */
  context: 'plinth-lab',
  /** A table of nftables of our own; kube-proxy's is `kube-proxy`. */
  natTable: 'plinth-lab',
  door: { address: '127.0.0.1', port: 443 },
} as const;

/**
 * What lives until the lab stops: sockets (whose paths may have 107 bytes at most, wherever the checkout lies),
 * records of processes, the host's former settings. Host-wide, so a second checkout sees the first.
 */
export const run = {
  root: '/run/plinth-lab',
  owner: '/run/plinth-lab/owner.json',
  host: '/run/plinth-lab/host.json',
  processes: '/run/plinth-lab/processes',
  config: '/run/plinth-lab/config',
  containerd: '/run/plinth-lab/containerd',
  containerdSocket: '/run/plinth-lab/containerd.sock',
  /** host-local's address book: emptied with every stop, since no pod outlives one. */
  addresses: '/run/plinth-lab/addresses',
  /** A bind mount of .lab/data: one path for volumes and pods wherever the checkout lies or moves to. */
  data: '/run/plinth-lab/data',
  /** Pods' folders and containerd's content. */
  node: '/run/plinth-lab/data/node',
  /** Where the storage provisioner makes volumes. */
  volumes: '/run/plinth-lab/data/volumes',
  cni: '/run/plinth-lab/cni',
} as const;

/** The files of the checkout that owns the lab. */
export interface Folders {
  readonly checkout: string;
  readonly root: string;
  readonly logs: string;
  readonly data: string;
  /** containerd's root: `node` below is the same place. */
  readonly images: string;
  readonly pki: string;
  readonly etcd: string;
  readonly kubeconfig: string;
}

export const foldersOf = (checkout: string): Folders => {
  const root = join(checkout, '.lab');
  const data = join(root, 'data');
  return {
    checkout,
    root,
    logs: join(root, 'logs'),
    data,
    images: join(data, 'node', 'containerd'),
    pki: join(data, 'pki'),
    etcd: join(data, 'etcd'),
    kubeconfig: join(root, 'kubeconfig'),
  };
};
