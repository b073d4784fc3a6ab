import * as pulumi from '@pulumi/pulumi';
import { ApiObject, App, Chart } from 'cdk8s';
import { derived, derivedCertificate, SecretRequest, text } from '../../constructs/contracts/index.ts';
import type { DataRecord } from '../../platform/bridge/data.ts';
import { type Bridged, type BridgeProps, bridge } from '../../platform/bridge/index.ts';
import type { Manifest } from '../../platform/bridge/manifest.ts';
import { derive } from '../../platform/secrets.ts';

const rootSecret = '0123456789abcdef0123456789abcdef';
const password = { owner: 'mlflow', role: 'database', key: 'password', generation: 2 } as const;
const certificate = { owner: 'gateway', role: 'certificate', key: 'tls', generation: 1 } as const;

interface Registered {
  readonly name: string;
  readonly type: string;
  readonly options: pulumi.CustomResourceOptions;
  readonly props: Readonly<Record<string, unknown>>;
}

const tree = (): App => {
  const app = new App();
  const home = new Chart(app, 'namespace-data', { disableResourceNameHashes: true });
  new ApiObject(home, 'Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'data' } });
  const chart = new Chart(app, 'postgres', { namespace: 'data', disableResourceNameHashes: true });
  const claim = new ApiObject(chart, 'Data', {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'postgres' },
    spec: { resources: { requests: { storage: '5Gi' } } },
  });
  const login = new SecretRequest(chart, 'Login', {
    namespace: 'data',
    name: 'login',
    generation: 2,
    values: { username: text('mlflow'), password: derived(password) },
  });
  new SecretRequest(chart, 'Tls', {
    namespace: 'data',
    name: 'tls',
    type: 'kubernetes.io/tls',
    values: {
      'tls.crt': derivedCertificate(certificate, ['*.example.com'], 'certificate'),
      'tls.key': derivedCertificate(certificate, ['*.example.com'], 'privateKey'),
    },
  });
  const server = new ApiObject(chart, 'Server', {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'postgres' },
  });
  server.addDependency(claim, login);
  // cdk8s gives it the chart's namespace, which it can't have.
  new ApiObject(chart, 'Role', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'postgres' },
  });
  return app;
};

const registered: Registered[] = [];
let bridged: Bridged;
let refused: unknown;

const props = (generation: number): BridgeProps => ({
  app: tree(),
  environment: {
    name: 'test',
    file: 'environments/test.ts',
    confirmDataLoss: [],
    generations: { 'mlflow/database': generation },
  },
  cluster: { context: 'test', await: true },
  config: new pulumi.Config('plinth'),
  previous: { data: made, generations: {} },
  credentials: { mlflow: { username: text('mlflow'), password: derived(password) } },
  now: new Date('2026-03-01T00:00:00Z'),
});
const record = (kind: string, metadata: Manifest['metadata'], chart: string): DataRecord => ({
  ...{ manifest: { apiVersion: 'v1', kind, metadata }, chart, lifted: false },
});
const homes = { 'plinth.dev/run-time-data': 'homes' };
/** What the last update left: a namespace that people's homes were made in, and one whose team is gone. */
const made = [
  record('Namespace', { name: 'data', annotations: homes }, 'namespace-data'),
  record('Namespace', { name: 'team-gone', annotations: homes }, 'namespace-team-gone'),
];
const lost = record('PersistentVolumeClaim', { name: 'lost', namespace: 'data' }, 'postgres');

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, type, inputs }) => ({
        id: name,
        state: type === 'pulumi:index:Stash' ? { ...inputs, output: inputs.input } : inputs,
      }),
      call: () => ({}),
    },
    'plinth',
    'test',
  );
  pulumi.runtime.setAllConfig({ 'plinth:rootSecret': rootSecret });
  await pulumi.runtime.runInPulumiStack(async () => {
    pulumi.runtime.registerStackTransformation(({ name, type, props, opts }) => {
      registered.push({ name, type, options: opts, props });
      return undefined;
    });
    try {
      bridge({
        ...props(3),
        previous: { data: [...made, lost], generations: { 'mlflow/database': 1 } },
      });
    } catch (error) {
      refused = error;
    }
    bridged = bridge(props(2));
    return {};
  });
});

const known = <Value>(output: pulumi.Output<Value>): Promise<Value> =>
  new Promise((resolve) => void output.apply((value) => resolve(value)));
const urnOf = (resource: pulumi.Resource | undefined): Promise<string> =>
  resource === undefined ? Promise.resolve('') : known(resource.urn);
const isSecret = (value: unknown): Promise<boolean> => pulumi.isSecret(value as pulumi.Output<unknown>);
const find = (name: string, type: string): Registered => {
  const found = registered.find((each) => each.name === name && each.type === type);
  if (found === undefined) throw new Error(`no ${type} ${name}`);
  return found;
};

describe('a tree given to Pulumi', () => {
  test('is one resource per object and per Secret, named as people name them, under one component per chart', async () => {
    const objects = registered.filter(({ type }) => type.startsWith('kubernetes:'));
    const titles = objects.map(async ({ type, name, options }) => {
      const chart = (await urnOf(options.parent)).split('::').at(-1);
      return `${chart}: ${type} ${name}`;
    });
    expect((await Promise.all(titles)).sort()).toEqual([
      'namespace-data: kubernetes:core/v1:Namespace data',
      'namespace-team-gone: kubernetes:core/v1:Namespace team-gone',
      'namespace-team-gone: kubernetes:networking.k8s.io/v1:NetworkPolicy team-gone/default-deny',
      'postgres: kubernetes:apps/v1:StatefulSet data/postgres',
      'postgres: kubernetes:core/v1:PersistentVolumeClaim data/postgres',
      'postgres: kubernetes:core/v1:Secret data/login',
      'postgres: kubernetes:core/v1:Secret data/tls',
      'postgres: kubernetes:rbac.authorization.k8s.io/v1:ClusterRole postgres',
    ]);
  });

  test('keeps its order: a workload after its volume, its Secret and its namespace', async () => {
    const { dependsOn } = find('data/postgres', 'kubernetes:apps/v1:StatefulSet').options;
    const urns = await Promise.all((dependsOn as pulumi.Resource[]).map(urnOf));
    expect(urns.map((urn) => urn.split('::').at(-1)).sort()).toEqual(['data', 'data/login', 'data/postgres']);
  });

  test('protects and retains volumes and the namespace around them, and nothing else', () => {
    const held = registered.filter(
      ({ options }) => options.protect === true && options.retainOnDelete === true,
    );
    expect(held.map(({ type, name }) => `${type} ${name}`)).toEqual([
      'kubernetes:core/v1:Namespace team-gone',
      'kubernetes:core/v1:Namespace data',
      'kubernetes:core/v1:PersistentVolumeClaim data/postgres',
    ]);
  });

  test('does not wait for a claim, which nothing binds before its pod', () => {
    const annotations = ({ props }: Registered) =>
      (props['metadata'] as { annotations?: Record<string, string> }).annotations;
    const claim = find('data/postgres', 'kubernetes:core/v1:PersistentVolumeClaim');
    expect(annotations(claim)).toEqual({ 'pulumi.com/skipAwait': 'true' });
    expect(annotations(find('data/postgres', 'kubernetes:apps/v1:StatefulSet'))).toBeUndefined();
  });

  test('derives the values of its Secrets as encrypted outputs', async () => {
    const { props, options } = find('data/login', 'kubernetes:core/v1:Secret');
    expect(await isSecret(props['data'])).toBe(true);
    expect(options.additionalSecretOutputs).toContain('data');
    expect(await known(props['data'] as pulumi.Output<Record<string, string>>)).toEqual({
      username: Buffer.from('mlflow').toString('base64'),
      password: Buffer.from(derive(rootSecret, password, 'base64url')).toString('base64'),
    });
    expect(props['metadata']).toMatchObject({ annotations: { 'plinth.dev/generation': '2' } });
  });

  test('keeps the authority and what it signed in encrypted state, offered once', async () => {
    const stashes = registered.filter(({ type }) => type === 'pulumi:index:Stash');
    expect(stashes.map(({ name }) => name)).toEqual([
      'authority/1',
      'certificate/gateway/certificate/tls/1/1.2026/*.example.com',
    ]);
    for (const { props, options } of stashes) {
      expect(await isSecret(props['input'])).toBe(true);
      expect(options).toMatchObject({
        ignoreChanges: ['input'],
        additionalSecretOutputs: ['input', 'output'],
      });
    }
    const { props } = find('data/tls', 'kubernetes:core/v1:Secret');
    const data = await known(props['data'] as pulumi.Output<Record<string, string>>);
    expect(Buffer.from(data['tls.key'] ?? '', 'base64').toString()).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect(await isSecret(bridged.ca)).toBe(false);
    expect(await known(bridged.ca)).toMatch(/^-----BEGIN CERTIFICATE-----/);
  });

  test('tells credentials as a secret, and what the next update must know of data', async () => {
    expect(await isSecret(bridged.credentials)).toBe(true);
    expect(await known(bridged.credentials)).toEqual({
      mlflow: { username: 'mlflow', password: derive(rootSecret, password, 'base64url') },
    });
    expect(
      bridged.data.map(({ manifest, lifted }) => [manifest.kind, manifest.metadata.name, lifted]),
    ).toEqual([
      ['Namespace', 'data', false],
      ['Namespace', 'team-gone', false],
      ['PersistentVolumeClaim', 'postgres', false],
    ]);
    expect(bridged.generations).toEqual({ 'mlflow/database': 2 });
  });

  test('has namespaces say what was made in them, though the tree no longer does', () => {
    for (const name of ['data', 'team-gone'])
      expect(find(name, 'kubernetes:core/v1:Namespace').props['metadata']).toMatchObject({
        annotations: homes,
      });
  });

  test('is refused with everything that is wrong at once', () => {
    const told = pulumi.RunError.isInstance(refused) ? refused.message.split('\n') : [];
    expect(told).toEqual([
      'refused, nothing was applied:',
      expect.stringMatching(/^ {2}data\/lost: this update would delete the volume/),
      expect.stringMatching(/^ {2}generations\.mlflow\/database: got 3, expected 1 or 2/),
    ]);
  });
});
