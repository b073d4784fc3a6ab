import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run as layout } from '../../lab/kubernetes/layout.ts';

/** What a lab may change of a host, as lines under a title each. */
export type HostState = Readonly<Record<string, readonly string[]>>;

const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim() !== '');
const say = (program: string, ...args: readonly string[]): readonly string[] =>
  lines(execFileSync(program, args, { encoding: 'utf8' }));

/** Mount point, file system and source, once for each time that something is mounted there. */
const mounts = (): readonly string[] =>
  lines(readFileSync('/proc/self/mountinfo', 'utf8')).map((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [type, source] = right.split(' ');
    return `${left.split(' ')[4]} ${type} ${source}`;
  });

/** Counts on by itself. */
const restless = ['kernel/ns_last_pid'];

/** Every setting of the kernel that can be written and read. */
const sysctls = (): readonly string[] =>
  readdirSync('/proc/sys', { recursive: true, encoding: 'utf8' })
    .filter((name) => !restless.includes(name))
    .flatMap((name) => {
      try {
        const { mode } = statSync(join('/proc/sys', name));
        const both = (mode & 0o170_600) === 0o100_600;
        return both ? [`${name} = ${readFileSync(join('/proc/sys', name), 'utf8').trim()}`] : [];
      } catch {
        return [];
      }
    });

const podGroups = (): readonly string[] =>
  ['', ...readdirSync('/sys/fs/cgroup')]
    .map((name) => join('/sys/fs/cgroup', name, 'kubepods'))
    .filter((path) => existsSync(path));

/** Processes that the lab started, or that were started by one of those. */
const processes = (): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(join('/proc', pid, 'environ'), 'utf8').includes(
          `PLINTH_DAEMONS=${layout.processes}`,
        );
      } catch {
        return false;
      }
    });

const folders = [
  ...['/run/plinth-lab', '/run/netns', '/run/containerd', '/opt/cni', '/opt/containerd', '/etc/cni'],
  ...['/var/lib/cni', '/var/lib/kubelet', '/var/log/containers', '/usr/libexec/kubernetes'],
];

/** The host as it is now. Needs the lab's Debian packages. */
export const hostState = (): HostState => ({
  mounts: mounts(),
  sysctls: sysctls(),
  links: say('ip', '-oneline', 'link', 'show').map((line) => line.split(': ')[1] ?? ''),
  addresses: say('ip', '-oneline', 'address', 'show').map((line) => line.replace(/valid_lft.*/, '')),
  routes: [
    ...say('ip', '-4', 'route', 'show', 'table', 'all'),
    ...say('ip', '-6', 'route', 'show', 'table', 'all'),
  ].map((line) => line.replace(/ expires \S+/, '').trim()),
  rules: say('ip', 'rule', 'show'),
  nftables: say('nft', '--stateless', 'list', 'ruleset').filter((line) => !line.startsWith('#')),
  'control groups': podGroups(),
  processes: processes(),
  folders: folders.filter((path) => existsSync(path)),
  hosts: lines(readFileSync('/etc/hosts', 'utf8')),
});

const counted = (all: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const line of all) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
};

/** What has gone (-) and what has come (+). Settings that a module of the kernel brought with it don't count. */
export const hostDifferences = (before: HostState, after: HostState): readonly string[] =>
  Object.keys(before).flatMap((what) => {
    const [was, is] = [counted(before[what] ?? []), counted(after[what] ?? [])];
    const names = new Set([...was.keys()].map((line) => line.split(' = ')[0]));
    return [...new Set([...was.keys(), ...is.keys()])]
      .filter((line) => was.get(line) !== is.get(line))
      .filter((line) => what !== 'sysctls' || names.has(line.split(' = ')[0]))
      .map((line) => `${what}: ${(is.get(line) ?? 0) > (was.get(line) ?? 0) ? '+' : '-'} ${line}`);
  });
