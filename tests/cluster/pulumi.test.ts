import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecretRequest, type SecretValue } from '../../constructs/contracts/index.ts';
import { run } from '../../lab/support/exec.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';
import { synthesize } from '../../platform/synthesis/index.ts';
import { Fixture, type KubernetesObject, tried, until } from './fixture.ts';

const minutes = 60_000;
jest.setTimeout(15 * minutes);

const root = join(import.meta.dirname, '../..');
const context = 'plinth-test';
const off = { mlflow: { kind: 'off' }, postgres: { kind: 'off' }, objectStore: { kind: 'off' } } as const;

let fixture: Fixture;
// Building the programs takes minutes where nothing is cached.
beforeAll(async () => {
  fixture = await Fixture.start();
}, 40 * minutes);
afterAll(() => fixture?.stop(), minutes);

const { app } = compose(parseEnvironment('local', tried));
const requests = app.node.findAll().filter(SecretRequest.isSecretRequest);

const claim = (name: string) => fixture.find('persistentvolumeclaim', name, 'data');
const uid = (object: KubernetesObject | undefined): string => object?.metadata.uid ?? 'not there';
const protectedNames = async (): Promise<readonly string[]> =>
  (await fixture.stack.resources())
    .filter((each) => each.protect)
    .map(({ type, urn }) => `${type.split(':').at(-1)} ${urn.split('::').at(-1)}`)
    .sort();
const ours = async (): Promise<readonly string[]> =>
  (await fixture.list('namespaces,configmaps,deployments,statefulsets,jobs,persistentvolumeclaims'))
    .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'plinth')
    .map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`)
    .sort();

/** What an update says when somebody has made this mistake in the constructs. */
const failureWith = async (change: string): Promise<string> => {
  await fixture.set('change', change);
  try {
    return await fixture.failure();
  } finally {
    await fixture.set('change', 'none');
  }
};

/** Whether a value must not be seen: it has something derived in it, or a private key. */
const isSecret = (value: SecretValue): boolean => {
  switch (value.kind) {
    case 'derived':
    case 'configured':
      return true;
    case 'text':
      return false;
    case 'joined':
      return value.parts.some(isSecret);
    case 'certificate':
      return value.part === 'privateKey';
    default:
      return value satisfies never;
  }
};

test('without a context named in the stack, nothing is applied', async () => {
  const said = await fixture.failure();
  expect(said).toMatch(/names no Kubernetes context.*pulumi config set plinth:context <name>/);
  expect(await ours()).toEqual([]);
  await fixture.set('context', context);
});

test('a context that the kubeconfig lacks is told by name, and nothing is applied', async () => {
  await fixture.set('context', 'elsewhere');
  expect(await fixture.failure()).toContain('elsewhere');
  expect(await ours()).toEqual([]);
  await fixture.set('context', context);
});

test('objects that need each other are refused with their path, and nothing is applied', async () => {
  const said = await failureWith('cycle');
  expect(said).toContain('namespace-data/Namespace needs namespace-data/DefaultDeny');
  expect(await ours()).toEqual([]);
});

test('an update that was killed half way is made good by the next one, without hand work', async () => {
  // Nothing becomes ready without a node: the update is sure to hang where it waits for PostgreSQL.
  await fixture.set('await', 'true');
  await fixture.set('change', 'lostJob');
  const child = spawn('pulumi', ['up', '--yes', '--skip-preview', '--non-interactive', ...stackArguments()], {
    cwd: join(root, 'tests/cluster/project'),
    env: fixture.stack.environment,
    stdio: 'ignore',
    detached: true,
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  try {
    // Hundreds of objects come first, on a machine that other tests keep busy.
    await until('the StatefulSet of PostgreSQL', () => fixture.find('statefulset', 'postgres', 'data'), 480);
    await until('the Job that no later update has', () => fixture.find('job', 'lost-1', 'data'), 480);
    await until('what was begun, in the state', async () =>
      // The engine writes it hundreds of times meanwhile: one look may find half of it.
      (await fixture.stack.pendingOperations().catch(() => 0)) > 1 ? true : undefined,
    );
  } finally {
    // The whole group: Pulumi, the program and the provider.
    if (child.exitCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
    // Whatever became of this test, the next ones don't wait for what never gets ready.
    await fixture.set('await', 'false');
    await fixture.set('change', 'none');
  }
  expect(await fixture.find('deployment', 'mlflow', 'mlflow')).toBeUndefined();

  await fixture.up();
  expect(await fixture.stack.pendingOperations()).toBe(0);
  await until('the Job to be gone', async () =>
    (await fixture.find('job', 'lost-1', 'data')) === undefined ? true : undefined,
  );
  const wanted = synthesize(app).flatMap(({ objects }) => objects.map(({ manifest }) => manifest));
  const kinds = wanted.map(({ apiVersion, kind }) => {
    const [group, version] = apiVersion.split('/');
    return version === undefined ? kind : `${kind}.${version}.${group}`;
  });
  const nameOf = ({ kind, metadata: { name, namespace = '' } }: (typeof wanted)[number] | KubernetesObject) =>
    `${kind} ${namespace}/${name}`;
  const found = await fixture.list([...new Set(kinds)].join(','));
  expect(found.map(nameOf)).toEqual(expect.arrayContaining(wanted.map(nameOf)));
});

const stackArguments = (): readonly string[] => [
  '--stack',
  'local',
  '--config-file',
  fixture.stack.configFile,
];

test('every Secret that the tree asks for is made, with exactly its keys', async () => {
  const made = requests.filter(({ request }) => request.source === 'plinth');
  expect(made.length).toBeGreaterThan(0);
  for (const { request } of made) {
    const found = await fixture.find('secret', request.name, request.namespace);
    expect(Object.keys(found?.data ?? {}).sort()).toEqual(Object.keys(request.values).sort());
  }
});

test('a second preview and a second update change nothing', async () => {
  const preview = await fixture.stack.preview({ log: fixture.log });
  expect(preview).toMatch(/Resources:\n {4}\d+ unchanged/);
  const update = await fixture.up();
  expect(update).toMatch(/Resources:\n {4}\d+ unchanged/);
});

test('no secret is in plaintext in state, settings, previews, logs or manifests', async () => {
  const secrets: string[] = [];
  for (const { request } of requests) {
    const found = await fixture.find('secret', request.name, request.namespace);
    for (const [key, value] of Object.entries<SecretValue>(request.values))
      if (isSecret(value)) secrets.push(Buffer.from(found?.data?.[key] ?? '', 'base64').toString());
  }
  const state = await fixture.stack.pulumi(['stack', 'export', '--show-secrets']);
  const authority = /-----BEGIN PRIVATE KEY-----[^"]+/g.exec(state)?.[0]?.replaceAll('\\n', '\n');
  secrets.push(authority ?? '');
  secrets.push((await fixture.stack.pulumi(['config', 'get', 'plinth:rootSecret'])).trim());
  // A key in PEM is looked for by one of its lines: files wrap and escape the others.
  const words = secrets.map((each) => (each.startsWith('-----') ? (each.split('\n')[1] ?? '') : each));
  expect(words.every((word) => word.length >= 16)).toBe(true);
  expect(words.length).toBeGreaterThan(5);

  const manifests = join(fixture.folder, 'dist');
  await run([process.execPath, 'platform/synth.ts', 'local', '--out', manifests], { cwd: root });
  const forms = words.flatMap((word) => [
    word,
    Buffer.from(word).toString('base64').replace(/=+$/, ''),
    encodeURIComponent(word),
  ]);
  const files = [
    ...fixture.files(join(fixture.folder, 'stack')),
    ...fixture.files(manifests),
    { path: 'log', text: readFileSync(fixture.log, 'utf8') },
  ];
  expect(files.length).toBeGreaterThan(10);
  const leaks = files.filter(({ text }) => forms.some((form) => text.includes(form)));
  expect(leaks.map(({ path }) => path)).toEqual([]);
});

test('what somebody edits by hand is put right by an update with --refresh', async () => {
  const edited = await fixture.find('deployment', 'mlflow', 'mlflow');
  const replicas = edited?.spec?.['replicas'];
  await fixture.kubectl('scale', 'deployment/mlflow', '--namespace', 'mlflow', '--replicas', '3');
  await fixture.kubectl(
    'label',
    'namespace/mlflow',
    'pod-security.kubernetes.io/enforce=privileged',
    '--overwrite',
  );
  await fixture.up({ refresh: true });
  const repaired = await fixture.find('deployment', 'mlflow', 'mlflow');
  expect(uid(repaired)).toBe(uid(edited));
  expect(repaired?.spec?.['replicas']).toBe(replicas);
  const namespace = await fixture.find('namespace', 'mlflow');
  expect(namespace?.metadata.labels?.['pod-security.kubernetes.io/enforce']).toBe('restricted');
});

test('volumes and the namespace around them are protected, and nothing else is', async () => {
  expect(await protectedNames()).toEqual([
    'Namespace data',
    'PersistentVolumeClaim data/object-store',
    'PersistentVolumeClaim data/postgres',
  ]);
});

test('an update that would delete or replace a volume is refused before anything is applied', async () => {
  const before = [await claim('postgres'), await ours()];
  const expected = [
    ['renamedClaim', /data\/postgres: this update would delete the volume/],
    ['otherStorageClass', /data\/postgres: this update would replace the volume/],
  ] as const;
  // A change that would go through by itself must not.
  fixture.write({ mlflow: { kind: 'on', replicas: 4 } });
  for (const [change, message] of expected) {
    const said = await failureWith(change);
    expect(said).toMatch(message);
    expect(said).toContain(
      `'data/postgres' into confirmDataLoss in ${join(fixture.folder, 'environment.ts')}`,
    );
  }
  expect([await claim('postgres'), await ours()]).toEqual(before);
  expect((await fixture.find('deployment', 'mlflow', 'mlflow'))?.spec?.['replicas']).not.toBe(4);
  fixture.write({});
});

test('an object that is refused holds up nothing else, and the update that fails names it', async () => {
  fixture.write({ mlflow: { kind: 'on', replicas: 2 } });
  const said = await failureWith('refused');
  expect(said).toMatch(/^the update failed:\n {2}Service data\/refused: .*70000/);
  expect(said).not.toContain('Deployment');
  expect((await fixture.find('deployment', 'mlflow', 'mlflow'))?.spec?.['replicas']).toBe(2);
  expect(await fixture.stack.outputs()).toHaveProperty('endpoints.mlflow.url');
  fixture.write({});
});

test("a namespace of somebody else's is refused, and left as it is", async () => {
  fixture.write({ mlflow: { kind: 'off' } });
  await fixture.up();
  // Gone for good: one that is on its way out is in the way of the next.
  await until('the namespace to be gone', async () => {
    const left = await fixture.kubectl(
      'get',
      'namespace',
      'mlflow',
      '--ignore-not-found',
      '--output',
      'name',
    );
    return left.trim() === '' ? true : undefined;
  });
  await fixture.kubectl('create', 'namespace', 'mlflow');
  const theirs = await fixture.find('namespace', 'mlflow');
  fixture.write({});
  expect(await fixture.failure()).toContain(
    'Namespace "mlflow" is there already, and was not made by this platform',
  );
  const after = await fixture.find('namespace', 'mlflow');
  expect([uid(after), after?.metadata.labels]).toEqual([uid(theirs), theirs?.metadata.labels]);
  await fixture.kubectl('delete', 'namespace', 'mlflow');
  await fixture.up();
});

test('components that are switched off keep their volumes, and take them up again', async () => {
  const [postgres, store, home] = [
    uid(await claim('postgres')),
    uid(await claim('object-store')),
    uid(await fixture.find('namespace', 'data')),
  ];
  fixture.write(off);
  const said = await fixture.up();
  expect(said).toContain('data/postgres: its component is switched off; the volume is kept');
  expect(await fixture.find('statefulset', 'postgres', 'data')).toBeUndefined();
  expect(uid(await claim('postgres'))).toBe(postgres);
  expect(await protectedNames()).toHaveLength(3);

  fixture.write({});
  await fixture.up();
  expect(await fixture.find('statefulset', 'postgres', 'data')).toBeDefined();
  expect([uid(await claim('postgres')), uid(await claim('object-store'))]).toEqual([postgres, store]);
  expect(uid(await fixture.find('namespace', 'data'))).toBe(home);
});

test('removing a volume takes two updates, and leaves the others alone', async () => {
  const store = uid(await claim('object-store'));
  const confirmDataLoss = ['data/postgres'];
  fixture.write({ confirmDataLoss });
  await fixture.up();
  expect(await claim('postgres')).toBeDefined();
  expect(await protectedNames()).toEqual(['Namespace data', 'PersistentVolumeClaim data/object-store']);

  fixture.write({ confirmDataLoss, mlflow: { kind: 'off' }, postgres: { kind: 'off' } });
  const said = await fixture.up();
  expect(said).toContain('data/postgres: removed with its data');
  await until('the claim to be gone', async () =>
    (await claim('postgres')) === undefined ? true : undefined,
  );
  expect(uid(await claim('object-store'))).toBe(store);
});

test('destroying a stack keeps the volumes that are left, and tells how to remove them', async () => {
  const plinth = (...more: readonly string[]) =>
    run(
      [
        process.execPath,
        'platform/cli/plinth.ts',
        'destroy',
        'local',
        '--yes',
        '--config-file',
        fixture.stack.configFile,
        ...more,
      ],
      { cwd: root, env: fixture.stack.environment, log: fixture.log },
    );
  const said = await plinth();
  expect(said).toContain(
    'remains, with its data:\n  Namespace data\n  PersistentVolumeClaim data/object-store\n',
  );
  const settings = `--config-file ${fixture.stack.configFile}`;
  expect(said).toContain(`./plinth destroy local --yes ${settings} --confirm-data-loss data/object-store`);
  expect(await claim('object-store')).toBeDefined();
  expect(await fixture.find('statefulset', 'object-store', 'data')).toBeUndefined();

  expect(await plinth('--confirm-data-loss', 'data/object-store')).toContain(
    'nothing of stack local remains',
  );
  expect(await fixture.find('namespace', 'data')).toBeUndefined();
});
