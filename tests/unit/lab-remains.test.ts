import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { recordedHost, recordHost } from '../../lab/kubernetes/host.ts';
import { run as layout } from '../../lab/kubernetes/layout.ts';
import { clearRemains, ForeignPods, refuseForeignPods, shutDown } from '../../lab/kubernetes/shutdown.ts';

/** A host of files, whose commands are listened to and not run. */
let root = '';
let commands: string[] = [];
let pod: ChildProcess;
const host = () => ({
  root,
  run: async (command: readonly string[]): Promise<string> => {
    commands.push(command.join(' '));
    return '';
  },
});

const put = (path: string, text = ''): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const has = (path: string): boolean => existsSync(join(root, path));

const group = '/sys/fs/cgroup/memory/kubepods';
const socket = '/var/lib/kubelet/device-plugins/kubelet.sock';
const results = '/var/lib/cni/results';
const container = (digit: string): string => digit.repeat(64);
const attach = (network: string, id: string, namespace: string): void => {
  const interfaces = [{ name: 'eth0', sandbox: `/var/run/netns/${namespace}` }];
  put(`${results}/${network}-${id}-eth0`, JSON.stringify({ networkName: network, result: { interfaces } }));
  put(`${results}/cni-loopback-${id}-lo`, '{"networkName":"cni-loopback"}');
  put(`/run/netns/${namespace}`);
};

/** Namespaces and tables that were taken away. */
const taken = (kind: 'netns' | 'table'): readonly string[] =>
  commands.filter((line) => line.includes(` ${kind} `)).map((line) => line.split(' ').slice(3).join(' '));

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'plinth-remains-'));
  commands = [];
  pod = spawn('sleep', ['300'], { stdio: 'ignore' });
  await new Promise((resolve) => pod.once('spawn', resolve));
  pod.once('exit', () => rmSync(join(root, group), { recursive: true, force: true }));
});
afterEach(async () => {
  if (pod.exitCode === null && pod.signalCode === null) {
    pod.kill('SIGKILL');
    await new Promise((resolve) => pod.once('exit', resolve));
  }
  rmSync(root, { recursive: true, force: true });
});

const runPod = (): void => put(`${group}/besteffort/pod1/cgroup.procs`, `${pod.pid}\n`);

describe('where nothing shows that a lab has run since the machine started', () => {
  beforeEach(() => {
    runPod();
    put(socket);
    attach('theirs', container('a'), 'cni-theirs');
    attach('plinth', container('b'), 'cni-cut-off');
    // The machine was cut off: the lab's record is of another boot.
    put(layout.host, JSON.stringify({ boot: 'an earlier one', sysctls: {}, folders: [], namespaces: [] }));
    mkdirSync(join(root, '/var/log/containers'), { recursive: true });
    symlinkSync('/home/me/plinth/.lab/logs/pods/x/0.log', join(root, '/var/log/containers/ours.log'));
    symlinkSync('/var/log/pods/y/0.log', join(root, '/var/log/containers/theirs.log'));
  });

  test('pods are refused: make up begins nothing, make down ends nothing', async () => {
    expect(() => refuseForeignPods('make up CONTEXT=x', root)).toThrow(ForeignPods);
    expect(() => refuseForeignPods('make up CONTEXT=x', root)).toThrow(
      'pods of another Kubernetes run on this host; make up CONTEXT=x',
    );
    await expect(shutDown(host())).rejects.toThrow('so nothing was ended');
    expect(commands).toEqual([]);
    expect(pod.signalCode).toBeNull();
  });

  test('only what has a name of the lab’s goes', async () => {
    await clearRemains(host());
    expect(pod.signalCode).toBeNull();
    expect(has(`${group}/besteffort/pod1`)).toBe(true);
    expect(has(socket)).toBe(true);
    expect(readdirSync(join(root, results)).sort()).toEqual([
      `cni-loopback-${container('a')}-lo`,
      `theirs-${container('a')}-eth0`,
    ]);
    expect(readdirSync(join(root, '/var/log/containers'))).toEqual(['theirs.log']);
    expect([...taken('netns')].sort()).toEqual(['cni-cut-off', 'plinth-first']);
    expect(taken('table')).toEqual(['ip plinth-lab', 'ip6 plinth-lab', 'inet plinth-netpol']);
    expect(has(layout.host)).toBe(false);
  });
});

describe('where a lab has run since the machine started, whosever it was', () => {
  test('its pods end, with tables, namespaces and files that are named like anybody’s', async () => {
    attach('theirs', container('a'), 'cni-before');
    recordHost(root);
    runPod();
    put(socket);
    attach('plinth', container('b'), 'cni-ours');
    put('/run/netns/cni-half-made');
    put('/run/netns/cni-of-another');
    mkdirSync(join(root, '/proc/4711/ns'), { recursive: true });
    linkSync(join(root, '/run/netns/cni-of-another'), join(root, '/proc/4711/ns/net'));
    expect(() => refuseForeignPods('', root)).not.toThrow();
    await shutDown(host());
    expect(pod.signalCode).toBe('SIGTERM');
    expect([...taken('netns')].sort()).toEqual(['cni-half-made', 'cni-ours', 'plinth-first']);
    expect(taken('table')).toEqual(expect.arrayContaining(['ip kube-proxy', 'ip6 kube-proxy']));
    expect(has('/var/lib/kubelet')).toBe(false);
    expect(readdirSync(join(root, results)).sort()).toEqual([
      `cni-loopback-${container('a')}-lo`,
      `theirs-${container('a')}-eth0`,
    ]);
    expect(has(layout.root)).toBe(false);
  });

  test('what its plug-ins began goes too, where none had left anything before', async () => {
    recordHost(root);
    put(`${results}/cni-loopback-${container('c')}-lo`);
    await shutDown(host());
    expect(has('/var/lib/cni')).toBe(false);
  });

  test('a process with its mark shows it when the record is lost', () => {
    runPod();
    put('/proc/4711/environ', `PATH=/bin\0PLINTH_DAEMONS=${layout.processes}\0`);
    expect(() => refuseForeignPods('', root)).not.toThrow();
  });

  test('an interrupted run’s record is not replaced by what the host is like then', () => {
    recordHost(root);
    put('/run/netns/cni-ours');
    recordHost(root);
    expect(recordedHost(root)?.namespaces).toEqual([]);
  });
});

test('a setting that went with its module holds nothing up, and the others are given back', async () => {
  put('/proc/sys/net/ipv4/ip_forward', '0\n');
  put('/proc/sys/net/bridge/bridge-nf-call-iptables', '0\n');
  recordHost(root);
  put('/proc/sys/net/ipv4/ip_forward', '1\n');
  rmSync(join(root, '/proc/sys/net/bridge'), { recursive: true });
  await shutDown(host());
  expect(readFileSync(join(root, '/proc/sys/net/ipv4/ip_forward'), 'utf8').trim()).toBe('0');
});
