import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run as execute, RunError } from '../support/exec.ts';
import { type HostAccess, thisHost } from './host.ts';
import { lab, run as layout } from './layout.ts';

/** A network namespace of a moment, which a run that was killed then leaves. */
const probe = 'plinth-first';

const quietly = (command: readonly string[]): Promise<string> => execute(command).catch(() => '');

const asNumber = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

const overlaps = (one: string, other: string): boolean => {
  const range = (cidr: string): readonly [number, number] => {
    const [address = '', bits = '32'] = cidr.split('/');
    const size = 2 ** (32 - Number(bits));
    const first = Math.floor(asNumber(address) / size) * size;
    return [first, first + size - 1];
  };
  const [a, b] = [range(one), range(other)];
  return a[0] <= b[1] && b[0] <= a[1];
};

/** Routes of the host (`ip -json route`) that lead elsewhere what the lab wants for itself. */
export const conflictingRoutes = (routes: string): readonly string[] => {
  const listed = JSON.parse(routes === '' ? '[]' : routes) as readonly { dst?: string; dev?: string }[];
  const ours = [lab.nodeNetwork, lab.podNetwork, lab.serviceNetwork];
  return listed
    .filter(({ dev }) => dev !== lab.nodeBridge && dev !== lab.podBridge)
    .filter(({ dst }) => dst !== undefined && dst !== 'default' && ours.some((own) => overlaps(own, dst)))
    .map(({ dst, dev }) => `${dst} dev ${dev}`);
};

const set = (name: string, value: string): void => {
  const file = join('/proc/sys', name);
  if (existsSync(file) && readFileSync(file, 'utf8').trim() !== value) writeFileSync(file, value);
};

/**
 * The node's address on an empty bridge, the route of the Service addresses to it, the translation of what pods send
 * out of the machine, and the CNI configuration. May be called on a network that is already there.
 */
export const setUpNetwork = async (): Promise<void> => {
  const conflicts = conflictingRoutes(await execute(['ip', '-json', '-4', 'route', 'show']));
  if (conflicts.length > 0)
    throw new Error(
      `the lab's networks (${lab.nodeNetwork}, ${lab.podNetwork}, ${lab.serviceNetwork}) are already routed: ` +
        `${conflicts.join('; ')}; stop what uses them, or change lab/kubernetes/layout.ts and erase .lab/data`,
    );
  // Replies between two pods of one bridge must pass the translation of Service addresses.
  if (!existsSync('/proc/sys/net/bridge')) await quietly(['modprobe', 'br_netfilter']);
  await quietly(['modprobe', 'overlay']);
  set('net/bridge/bridge-nf-call-iptables', '1');
  set('net/bridge/bridge-nf-call-ip6tables', '1');
  set('net/ipv4/ip_forward', '1');
  if (!existsSync(`/sys/class/net/${lab.nodeBridge}`))
    await execute(['ip', 'link', 'add', lab.nodeBridge, 'type', 'bridge']);
  await execute(['ip', 'address', 'replace', `${lab.nodeAddress}/24`, 'dev', lab.nodeBridge]);
  await execute(['ip', 'link', 'set', lab.nodeBridge, 'up']);
  await execute([
    ...['ip', 'route', 'replace', lab.serviceNetwork, 'dev', lab.nodeBridge, 'src', lab.nodeAddress],
  ]);
  const rules = `
    table ip ${lab.natTable} {}
    delete table ip ${lab.natTable}
    table ip ${lab.natTable} {
      chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr ${lab.podNetwork} ip daddr != ${lab.podNetwork} oifname != "${lab.podBridge}" masquerade
      }
    }`;
  await execute(['nft', '-f', '-'], { input: rules });
  mkdirSync(layout.cni, { recursive: true });
  const plugin = {
    type: 'bridge',
    bridge: lab.podBridge,
    isGateway: true,
    // A pod may reach itself by its own Service.
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      ranges: [[{ subnet: lab.podNetwork }]],
      routes: [{ dst: '0.0.0.0/0' }],
      dataDir: layout.addresses,
    },
  };
  const conflist = { cniVersion: '1.0.0', name: 'plinth', plugins: [plugin] };
  writeFileSync(join(layout.cni, '10-plinth.conflist'), JSON.stringify(conflist, undefined, 2));
  // The first named network namespace mounts /run/netns over itself. Were a pod the first, containerd would have
  // pinned that pod's namespace below the mount, and could never remove it.
  await quietly(['ip', 'netns', 'delete', probe]);
  await execute(['ip', 'netns', 'add', probe]);
  await execute(['ip', 'netns', 'delete', probe]);
};

export interface NetworkRemains {
  /** Network namespaces of the lab's pods. */
  readonly namespaces: readonly string[];
  /** Whether /run/netns was a mount of its own before the lab. */
  readonly netnsMounted: boolean;
  /** Whether the tables of a kube-proxy are the lab's: every kube-proxy names them so. */
  readonly proxied: boolean;
}

/** Takes away every link, route and table of the lab; what isn't there is no mistake. */
export const tearDownNetwork = async (
  { namespaces, netnsMounted, proxied }: NetworkRemains,
  { root, run }: HostAccess = thisHost,
): Promise<void> => {
  const attempt = (command: readonly string[]): Promise<string> => run(command).catch(() => '');
  const links = join(root, '/sys/class/net');
  for (const name of [probe, ...namespaces]) await attempt(['ip', 'netns', 'delete', name]);
  if (!netnsMounted && existsSync(join(root, '/run/netns'))) await attempt(['umount', '/run/netns']);
  // A pod's link ends with its namespace, which another program's mounts (a build of images) may still hold.
  const ports = join(links, lab.podBridge, 'brif');
  if (existsSync(ports)) for (const link of readdirSync(ports)) await attempt(['ip', 'link', 'delete', link]);
  for (const bridge of [lab.podBridge, lab.nodeBridge])
    if (existsSync(join(links, bridge))) await run(['ip', 'link', 'delete', bridge]);
  for (const family of ['ip', 'ip6'])
    for (const table of [lab.natTable, ...(proxied ? ['kube-proxy'] : [])])
      await attempt(['nft', 'delete', 'table', family, table]);
  await attempt(['nft', 'delete', 'table', 'inet', 'plinth-netpol']);
  rmSync(join(root, layout.cni), { recursive: true, force: true });
  rmSync(join(root, layout.addresses), { recursive: true, force: true });
};

/** Whether the nftables of this kernel can be used at all; the reason otherwise. */
export const nftablesTrouble = async (): Promise<string | undefined> => {
  try {
    await execute(['nft', 'list', 'tables']);
    return undefined;
  } catch (error) {
    return error instanceof RunError ? error.message : String(error);
  }
};
