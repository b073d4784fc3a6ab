import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setHosts, withHostsBlock } from '../../lab/hosts.ts';
import { Daemons, startTimeOf } from '../../lab/kubernetes/daemons.ts';
import { mountsUnder } from '../../lab/kubernetes/host.ts';
import { conflictingRoutes } from '../../lab/kubernetes/network.ts';
import { abandonedObjects, unknownObjects } from '../../lab/pulumi/abandoned.ts';
import { type Listed, stuckAt, unready } from '../../lab/workloads.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plinth-host-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the block in the hosts file', () => {
  const own = '127.0.0.1 localhost\n# a comment\n\n10.0.0.1 other\n';

  test('is written once, rewritten in place of itself, and removed without a trace', () => {
    const first = withHostsBlock(own, '127.0.0.1', ['s3.plinth.localhost', 'mlflow.plinth.localhost']);
    expect(first.startsWith(own)).toBe(true);
    expect(first).toContain('127.0.0.1\tmlflow.plinth.localhost\n127.0.0.1\ts3.plinth.localhost\n');
    const second = withHostsBlock(first, '127.0.0.1', ['s3.plinth.localhost']);
    expect(second).not.toContain('mlflow');
    expect(withHostsBlock(second, '127.0.0.1', [])).toBe(own);
  });

  test('lines that were added after it stay', () => {
    const later = `${withHostsBlock(own, '127.0.0.1', ['a'])}10.0.0.2 later\n`;
    expect(withHostsBlock(later, '127.0.0.1', [])).toBe(`${own}10.0.0.2 later\n`);
  });

  test('what a run left that was killed while it wrote goes, also when the file is as it should be', () => {
    const file = join(folder, 'hosts');
    writeFileSync(file, own);
    writeFileSync(`${file}.plinth`, 'half of');
    setHosts([], '127.0.0.1', file);
    expect(readdirSync(folder)).toEqual(['hosts']);
    expect(readFileSync(file, 'utf8')).toBe(own);
  });

  test('a block that lost its end is not guessed at', () => {
    const cut = withHostsBlock(own, '127.0.0.1', ['a']).replace(/# plinth lab: end\n/, '');
    expect(() => withHostsBlock(cut, '127.0.0.1', [])).toThrow('remove it by hand');
  });
});

describe('records of processes', () => {
  test('a recycled pid is not taken for the daemon, and not ended', async () => {
    const other = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      const pid = other.pid ?? 0;
      const record = { pid, startTime: '1', fingerprint: '' };
      writeFileSync(join(folder, 'etcd.json'), JSON.stringify(record));
      const daemons = new Daemons(folder);
      expect(daemons.pid('etcd')).toBeUndefined();
      await daemons.stop('etcd');
      expect(startTimeOf(pid)).toBeDefined();
      expect(daemons.names()).toEqual([]);
    } finally {
      other.kill('SIGKILL');
    }
  });

  test('the start time is found behind a command with spaces and parentheses, and a zombie counts as ended', () => {
    const fields = [...Array.from({ length: 18 }, () => '0'), '4711', '0'].join(' ');
    mkdirSync(join(folder, '7'));
    writeFileSync(join(folder, '7', 'stat'), `7 (a) b (c)) S ${fields}`);
    expect(startTimeOf(7, folder)).toBe('4711');
    writeFileSync(join(folder, '7', 'stat'), `7 (a) b (c)) Z ${fields}`);
    expect(startTimeOf(7, folder)).toBeUndefined();
  });

  test('a daemon runs on, is left alone when nothing changed, and is replaced when its input did', async () => {
    const daemons = new Daemons(join(folder, 'processes'));
    const input = join(folder, 'config');
    writeFileSync(input, 'one');
    const daemon = { name: 'sleeper', command: ['sleep', '300'], log: join(folder, 'log'), inputs: [input] };
    try {
      expect(await daemons.ensure(daemon)).toBe('started');
      const pid = daemons.pid('sleeper');
      expect(pid).toBeDefined();
      expect(await daemons.ensure(daemon)).toBe('running');
      expect(daemons.pid('sleeper')).toBe(pid);
      writeFileSync(input, 'two');
      expect(await daemons.ensure(daemon)).toBe('started');
      expect(daemons.pid('sleeper')).not.toBe(pid);
    } finally {
      await daemons.stop('sleeper');
    }
    expect(daemons.pid('sleeper')).toBeUndefined();
  });

  test('one that ends by itself while it is about to be stopped is no mistake', async () => {
    const daemons = new Daemons(join(folder, 'processes'));
    await daemons.ensure({ name: 'sleeper', command: ['sleep', '300'], log: join(folder, 'log') });
    const end = process.kill.bind(process);
    const told = jest.spyOn(process, 'kill').mockImplementationOnce((pid) => {
      end(pid, 'SIGKILL');
      throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' });
    });
    try {
      await daemons.stop('sleeper');
    } finally {
      told.mockRestore();
    }
    expect(daemons.names()).toEqual([]);
  });

  test('one that ends at once is reported with the end of its log', async () => {
    const daemons = new Daemons(join(folder, 'processes'));
    const command = ['sh', '-c', 'echo port taken; exit 1'];
    const daemon = { name: 'loser', command, log: join(folder, 'log') };
    await daemons.ensure(daemon);
    const never = (): Promise<never> => Promise.reject(new Error('refused'));
    await expect(daemons.ready(daemon, 30, never)).rejects.toThrow('port taken');
    await daemons.stop('loser');
  });
});

test('mounts are listed innermost first, with escaped spaces, and not those of a folder with the same beginning', () => {
  const file = join(folder, 'mountinfo');
  const line = (path: string): string => `1 0 8:1 / ${path} rw - ext4 /dev/vda rw`;
  writeFileSync(file, ['/', '/run/lab', '/run/lab/a\\040b', '/run/laboratory'].map(line).join('\n'));
  expect(mountsUnder('/run/lab', file)).toEqual(['/run/lab/a b', '/run/lab']);
});

test("a route into the lab's networks is a conflict unless it is the lab's own", () => {
  const routes = [
    { dst: 'default', dev: 'eth0' },
    { dst: '192.168.0.0/16', dev: 'eth0' },
    { dst: '10.206.0.0/16', dev: 'plinth-node' },
    { dst: '10.205.0.17', dev: 'tun0' },
  ];
  expect(conflictingRoutes(JSON.stringify(routes))).toEqual(['10.205.0.17 dev tun0']);
  expect(conflictingRoutes('')).toEqual([]);
});

describe('readiness', () => {
  const listed = (kind: string, spec: Listed['spec'], status: Listed['status']): Listed => ({
    kind,
    metadata: { name: 'x', namespace: 'y', generation: 2 },
    spec,
    ...(status === undefined ? {} : { status }),
  });

  test('a rollout that the controller has not seen yet is not Ready', () => {
    const status = { observedGeneration: 1, readyReplicas: 1, updatedReplicas: 1 };
    expect(unready(listed('Deployment', { replicas: 1 }, status))).toBe('1 of 1 ready');
    expect(
      unready(listed('Deployment', { replicas: 1 }, { ...status, observedGeneration: 2 })),
    ).toBeUndefined();
    expect(unready(listed('Deployment', { replicas: 0 }, { observedGeneration: 2 }))).toBeUndefined();
  });

  test('a Job is Ready when it is complete or suspended', () => {
    expect(unready(listed('Job', { completions: 1 }, { succeeded: 1 }))).toBeUndefined();
    expect(unready(listed('Job', { suspend: true }, {}))).toBeUndefined();
    expect(unready(listed('Job', {}, {}))).toBe('not complete');
  });

  test('a pod tells what it is stuck at', () => {
    const waiting = { reason: 'ErrImageNeverPull', message: 'image is not present' };
    const container = { name: 'main', ready: false, restartCount: 0, state: { waiting } };
    expect(stuckAt(listed('Pod', {}, { containerStatuses: [container] }))).toBe(
      'main: ErrImageNeverPull (image is not present)',
    );
    const condition = { type: 'PodScheduled', status: 'False', message: 'Insufficient cpu' };
    expect(stuckAt(listed('Pod', {}, { conditions: [condition] }))).toBe('not scheduled: Insufficient cpu');
    expect(
      stuckAt(listed('Pod', {}, { phase: 'Succeeded', containerStatuses: [container] })),
    ).toBeUndefined();
  });
});

test('what a killed update was making and no update knows any more is named, unless it holds data', () => {
  const urn = (type: string, name: string): string =>
    `urn:pulumi:local::plinth::plinth:platform:Chart$${type}::${name}`;
  const job = urn('kubernetes:batch/v1:Job', 'mlflow/migrate-1');
  const service = urn('kubernetes:core/v1:Service', 'mlflow/mlflow');
  const role = urn('kubernetes:rbac.authorization.k8s.io/v1:ClusterRole', 'gateway');
  const claim = urn('kubernetes:core/v1:PersistentVolumeClaim', 'data/postgres');
  const pending = [job, service, role, claim].map((each) => ({ type: 'creating', resource: { urn: each } }));
  const updating = { type: 'updating', resource: { urn: urn('kubernetes:apps/v1:Deployment', 'a/b') } };
  const before = { deployment: { pending_operations: [...pending, updating] } };
  expect(
    abandonedObjects(before, {
      deployment: { resources: [{ urn: service, type: 'kubernetes:core/v1:Service' }] },
    }),
  ).toEqual([
    { apiVersion: 'batch/v1', kind: 'Job', namespace: 'mlflow', name: 'migrate-1' },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'gateway' },
  ]);
  expect(abandonedObjects({ deployment: { pending_operations: null } }, {})).toEqual([]);
});

test('of what is in the cluster, what the state does not know is named, unless it holds data', () => {
  const urn =
    'urn:pulumi:local::plinth::plinth:platform:Chart$kubernetes:gateway.networking.k8s.io/v1:HTTPRoute::mlflow/mlflow';
  const stash = 'urn:pulumi:local::plinth::pulumi:index:Stash::authority';
  const state = {
    deployment: { resources: [urn, stash].map((each) => ({ urn: each, type: each.split('::')[2] ?? '' })) },
  };
  const route = { apiVersion: 'gateway.networking.k8s.io/v1beta1', kind: 'HTTPRoute', name: 'mlflow' };
  const other = { apiVersion: 'batch/v1', kind: 'Job', namespace: 'mlflow', name: 'migrate-1' };
  const kept = [
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'data', name: 'postgres' },
    { apiVersion: 'v1', kind: 'Namespace', name: 'data' },
  ];
  const elsewhere = { ...route, namespace: 'portal' };
  expect(unknownObjects([{ ...route, namespace: 'mlflow' }, other, ...kept, elsewhere], state)).toEqual([
    other,
    elsewhere,
  ]);
});
