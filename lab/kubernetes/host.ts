import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { run as execute } from '../support/exec.ts';
import { allResults, attachedNamespaces, emptyNamespaces, ownResults, podNamespaces } from './cni.ts';
import { run as layout } from './layout.ts';

/** A host as the lab's clean-up reaches it: where its files are, and who runs commands on it. */
export interface HostAccess {
  readonly root: string;
  readonly run: (command: readonly string[]) => Promise<string>;
}

export const thisHost: HostAccess = { root: '/', run: (command) => execute(command) };

/** Settings that the kubelet, kube-proxy or the CNI plug-ins change, under /proc/sys. */
const sysctls = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
  'net/ipv4/ip_forward',
  'net/ipv4/conf/all/route_localnet',
  'net/ipv4/conf/all/arp_ignore',
  'net/ipv4/vs/conntrack',
  'net/bridge/bridge-nf-call-iptables',
  'net/bridge/bridge-nf-call-ip6tables',
  'net/netfilter/nf_conntrack_max',
  'net/netfilter/nf_conntrack_tcp_timeout_established',
  'net/netfilter/nf_conntrack_tcp_timeout_close_wait',
] as const;

/** Folders that the lab's programs make outside of its own. */
const folders = [
  '/run/netns',
  '/run/containerd',
  '/run/mount',
  '/opt/containerd',
  '/opt/cni',
  '/var/lib/cni',
  '/var/log/containers',
  '/var/lib/kubelet',
  '/usr/libexec/kubernetes',
  '/etc/cni',
] as const;

/**
 * Files of ours in folders that may be shared with others: what the CNI plug-ins remember of our network, links to logs
 * of pods that have gone; and the socket of our kubelet, which is named like anybody's, where one is known to have run.
 */
const leftovers = (root: string, record: HostRecord | undefined): readonly string[] => {
  const logs = join(root, '/var/log/containers');
  const links = existsSync(logs) ? readdirSync(logs).map((name) => join(logs, name)) : [];
  const alone = record !== undefined && !record.folders.includes('/var/lib/cni');
  return [
    ...(alone ? allResults(root) : ownResults(root)),
    ...links.filter((path) => lstatSync(path).isSymbolicLink() && readlinkSync(path).includes('/.lab/logs/')),
    ...(record === undefined ? [] : [join(root, '/var/lib/kubelet/device-plugins/kubelet.sock')]),
  ];
};

interface HostRecord {
  readonly boot: string;
  readonly sysctls: Readonly<Record<string, string>>;
  /** Those of the folders above that were there before us. */
  readonly folders: readonly string[];
  /** Whether /run/netns was a mount of its own. */
  readonly netnsMounted: boolean;
  /** Pods' network namespaces that were there before us; unset: a checkout wrote it that didn't ask. */
  readonly namespaces?: readonly string[];
}

/** What differs from boot to boot of this machine: a record of another boot describes a host that is gone. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

const read = (root: string, name: string): string | undefined => {
  try {
    return readFileSync(join(root, '/proc/sys', name), 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** Mount points at or below a folder, the innermost first; a folder mounted over twice is there twice. */
export const mountsUnder = (folder: string, mountinfo = '/proc/self/mountinfo'): readonly string[] =>
  readFileSync(mountinfo, 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((path) =>
      path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number(`0o${octal}`))),
    )
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .toReversed();

/** What a lab wrote down of this host before it changed anything, if one did since the machine started. */
export const recordedHost = (root = '/'): HostRecord | undefined => {
  const file = join(root, layout.host);
  if (!existsSync(file)) return undefined;
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as HostRecord;
    return record.boot === bootId() ? record : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Writes down the host's settings before anything changes them. A record that is already there stays: it was made
 * by a run that was interrupted, and what one would read now may be the lab's own doing.
 */
export const recordHost = (root = '/'): void => {
  if (recordedHost(root) !== undefined) return;
  const file = join(root, layout.host);
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  const values = sysctls.flatMap((name): readonly (readonly [string, string])[] => {
    const value = read(root, name);
    return value === undefined ? [] : [[name, value]];
  });
  const netns = join(root, '/run/netns');
  const record: HostRecord = {
    boot: bootId(),
    sysctls: Object.fromEntries(values),
    folders: folders.filter((folder) => existsSync(join(root, folder))),
    netnsMounted: mountsUnder(netns).includes(netns),
    namespaces: podNamespaces(root),
  };
  writeFileSync(`${file}.unfinished`, JSON.stringify(record, undefined, 2));
  renameSync(`${file}.unfinished`, file);
};

/**
 * Network namespaces of the lab's pods: our network's results name them; or they came after the host was written down
 * and nobody is in them, as containerd leaves one that it was making when it ended. Another's pods are in theirs.
 */
export const ownNamespaces = (root = '/'): readonly string[] => {
  const record = recordedHost(root);
  const attached = new Set(attachedNamespaces(root));
  const before = new Set(record?.namespaces ?? []);
  const empty = new Set(record === undefined ? [] : emptyNamespaces(root));
  return podNamespaces(root).filter((name) => attached.has(name) || (empty.has(name) && !before.has(name)));
};

/** Removes folders that are empty, and below them all that are empty. Files stay: they are somebody else's. */
const removeEmpty = (folder: string): void => {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name));
  try {
    rmdirSync(folder);
  } catch {
    // Not empty, or busy.
  }
};

/** Gives the host its former settings back. Without a record nothing was changed, and nothing is. */
export const restoreHost = (root = '/'): { readonly netnsMounted: boolean } => {
  const record = recordedHost(root);
  if (record === undefined) {
    rmSync(join(root, layout.host), { force: true });
    return { netnsMounted: true };
  }
  for (const [name, value] of Object.entries(record.sysctls)) {
    const now = read(root, name);
    // One that has gone went with its module, and comes back with the kernel's own value.
    if (now !== undefined && now !== value) writeFileSync(join(root, '/proc/sys', name), value);
  }
  return { netnsMounted: record.netnsMounted };
};

/** Removes what the lab's programs made outside its own folders, and then the record itself. */
export const forgetHost = (root = '/'): void => {
  const record = recordedHost(root);
  // Without a record too: a machine that was cut off has lost it, and its next lab must not read the last one's files.
  for (const path of leftovers(root, record)) rmSync(path, { recursive: true, force: true });
  if (record !== undefined) {
    // Sockets of shims that were killed, and what runc remembers of their containers; all ours where neither was before.
    const containers = '/run/containerd';
    if (!record.folders.includes(containers) && mountsUnder(join(root, containers)).length === 0)
      for (const name of ['s', 'runc'])
        rmSync(join(root, containers, name), { recursive: true, force: true });
    for (const folder of folders.filter((name) => !record.folders.includes(name)))
      removeEmpty(join(root, folder));
  }
  rmSync(join(root, layout.host), { force: true });
};
