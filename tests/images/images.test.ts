import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ImageName, image, imageNames } from '../../constructs/catalogue/index.ts';
import { ensureImages } from '../../lab/images/build.ts';
import { isBase } from '../../lab/images/content.ts';
import { machineSecrets } from '../../lab/images/machine.ts';
import { cacheRoot } from '../../lab/support/cache.ts';
import { RunError, run } from '../../lab/support/exec.ts';
import { configurationOf, runIn, type Unpacked, unpack } from './container.ts';

// A cold build takes minutes on two idle cores. Nothing here is about speed: the limit only ends what hangs.
jest.setTimeout(60 * 60_000);

const versionCommand: Readonly<Record<ImageName, readonly string[]>> = {
  airflow: ['airflow', 'version'],
  alertmanager: ['alertmanager', '--version'],
  base: ['python3', '--version'],
  'configurable-http-proxy': ['configurable-http-proxy', '--version'],
  'identity-sync': ['node', '-p', "require('/opt/identity-sync/package.json').version"],
  'inference-gateway': ['node', '-p', "require('/opt/inference-gateway/package.json').version"],
  jupyterhub: ['jupyterhub', '--version'],
  keycloak: ['kc.sh', '--version'],
  mlflow: ['mlflow', '--version'],
  'model-server': ['mlserver', '--version'],
  node: ['node', '--version'],
  notebook: ['jupyter', 'lab', '--version'],
  'oauth2-proxy': ['oauth2-proxy', '--version'],
  portal: ['node', '-p', "require('/opt/portal/package.json').version"],
  postgres: ['postgres', '--version'],
  'postgres-exporter': ['postgres_exporter', '--version'],
  'prediction-log': ['node', '-p', "require('/opt/prediction-log/package.json').version"],
  'prom-label-proxy': ['prom-label-proxy', '-help'],
  prometheus: ['prometheus', '--version'],
  promoter: ['node', '-p', "require('/opt/promoter/package.json').version"],
  registry: ['registry', '--version'],
  seaweedfs: ['weed', 'version'],
  spark: ['python3', '-c', 'import pyspark; print(pyspark.__version__)'],
  'spark-operator': ['spark-operator', 'version'],
  'statsd-exporter': ['statsd_exporter', '--version'],
  traefik: ['traefik', 'version'],
};

/** No word for the version, or one on standard error only; tests/unit holds the catalogue's to go.mod. */
const withoutVersion: readonly ImageName[] = ['postgres-exporter', 'prom-label-proxy'];

const pythonImports: Readonly<Partial<Record<ImageName, string>>> = {
  airflow:
    'import airflow.providers.git, airflow.providers.fab, authlib, boto3, kubernetes, plinth._tracking_auth, plinth_airflow, psycopg2, asyncpg, pyspark.sql.connect.session, sklearn, skops',
  mlflow: 'import boto3, mlflow.server, prometheus_flask_exporter, psycopg2',
  'model-server': 'import boto3, mlserver_sklearn, plinth_serving.fetch, plinth_serving.steps',
  seaweedfs: 'import boto3',
  spark: 'import plinth, pandas, pyarrow, pyspark.sql.connect.session, s3fs',
};

test('every image is built, or in the cache from an earlier build', async () => {
  const log = join(cacheRoot(), 'images', 'build.log');
  const built = await ensureImages({
    only: imageNames,
    log,
    note: (text) => process.stdout.write(`${text}\n`),
  });
  for (const { name, archive } of built) {
    expect(archive).toBe(join(cacheRoot(), 'images', name, `${image(name).tag}.tar`));
    expect(statSync(archive).size).toBeGreaterThan(1_000_000);
  }
});

test('what is built is found again, not built again', async () => {
  const notes: string[] = [];
  await ensureImages({ only: imageNames, note: (text) => notes.push(text) });
  expect(notes).toEqual([]);
});

test('an unknown image is refused with those there are', async () => {
  await expect(ensureImages({ only: ['redis'] })).rejects.toThrow(
    `no image 'redis'; there are ${imageNames.join(', ')}`,
  );
});

/** Text files below folders that hold one of the texts; grep's exit code 1 means none. */
const holding = async (folders: readonly string[], texts: readonly string[]): Promise<readonly string[]> => {
  const patterns = texts.flatMap((text) => ['-e', text]);
  const search = ['grep', '-rlIF', '--devices=skip', ...patterns, ...folders];
  // Bytes are compared, whatever the machine's language.
  return run(search, { env: { ...process.env, LC_ALL: 'C' } }).then(
    (found) => found.trim().split('\n'),
    (error: unknown) => {
      if (error instanceof RunError && error.exitCode === 1) return [];
      throw error;
    },
  );
};

const keys = ['-----BEGIN PRIVATE KEY', '-----BEGIN RSA PRIVATE', '-----BEGIN EC PRIVATE'];

/** Hosts that this machine was told to take packages from; the public ones are named in many a package's own metadata. */
const machineHosts = async (): Promise<readonly string[]> => {
  const folder = join(cacheRoot(), 'images', `.hosts-${process.pid}`);
  try {
    const { secrets } = await machineSecrets(folder);
    const text = [secrets.pip, secrets.npm, secrets.maven, secrets.apt, secrets.sources]
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    const hosts = [...text.matchAll(/:\/\/(?:[^/@\s"]*@)?([^/:\s"]+)/g)].map((found) => found[1] ?? '');
    const known = /(^|\.)(debian\.org|npmjs\.org|apache\.org|pypi\.org|pythonhosted\.org|localhost)$/;
    return [...new Set(hosts)].filter((host) => host.length > 4 && !known.test(host));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

describe.each(imageNames)('image %s', (name) => {
  let unpacked: Unpacked;
  let traces: readonly string[];
  /** Files of its own that hold a trace of the machine or a key, found in one reading; its base is an image here too. */
  let suspicious: readonly string[];
  const heldBy = (texts: readonly string[]): Promise<readonly string[]> =>
    suspicious.length === 0 ? Promise.resolve([]) : holding(suspicious, texts);
  const inOwn = (path: string): readonly string[] =>
    unpacked.own.map((folder) => join(folder, path)).filter((found) => existsSync(found));
  beforeAll(async () => {
    unpacked = await unpack(name);
    traces = [join(cacheRoot(), 'images'), ...(await machineHosts())];
    suspicious = await holding(unpacked.own, [...traces, ...keys]);
  });

  test('runs as its own user on a read-only root, and prints the version of the catalogue', async () => {
    const printed = await runIn(
      { ...unpacked, user: unpacked.user === '' ? '65532:65532' : unpacked.user },
      { command: versionCommand[name] },
    );
    if (withoutVersion.includes(name)) return;
    const [version = ''] = image(name).version.split('-');
    const escaped = version.replaceAll('.', '\\.');
    expect(printed).toMatch(new RegExp(`(^|[^0-9.])${escaped}([^0-9]|$)`, 'm'));
  });

  const imports = pythonImports[name];
  if (imports !== undefined)
    test('has the Python packages that the platform uses, compiled ahead, and no pip', async () => {
      const script = [
        imports,
        'import boto3, importlib.util, os',
        'cached = importlib.util.cache_from_source(boto3.__file__)',
        'print(os.path.exists(cached), importlib.util.find_spec("pip"))',
      ].join('\n');
      const printed = await runIn(unpacked, { command: ['python3', '-c', script], env: { HOME: '/tmp' } });
      expect(printed.trim().split('\n').at(-1)).toBe('True None');
    });

  test('has a numeric user that is not root', () => {
    expect(unpacked.user).toMatch(isBase(name) ? /^$/ : /^[1-9]\d*:[1-9]\d*$/);
  });

  test('has no program that changes user or group', async () => {
    expect(await run(['find', ...unpacked.own, '-xdev', '-type', 'f', '-perm', '/6000'])).toBe('');
  });

  test('lets nobody but root write to its programs and settings', async () => {
    const places = ['etc', 'usr', 'opt'].flatMap(inOwn);
    if (places.length > 0)
      expect(await run(['find', ...places, '-xdev', '!', '-type', 'l', '-perm', '-0002'])).toBe('');
  });

  test('holds nothing of the machine that built it', async () => {
    expect(await heldBy(traces)).toEqual([]);
    for (const trace of traces) expect(unpacked.configuration).not.toContain(trace);
    expect(unpacked.configuration).not.toMatch(/PIP_INDEX|PIP_CERT|_PROXY=|:\/\/[^/\s"]*@/i);
    const leftovers = [
      'etc/pip.conf',
      'root/.config/pip',
      'root/.cache',
      'etc/apt/apt.conf.d/99machine',
      'etc/apt/sources.list.d/machine.list',
    ];
    expect(leftovers.flatMap(inOwn).filter((file) => statSync(file).size > 0)).toEqual([]);
    const origins = await run(['find', ...unpacked.own, '-xdev', '-name', 'direct_url.json']);
    expect(origins).toBe('');
  });

  test('holds no private key', async () => {
    const found = await heldBy(keys);
    expect(found.filter((path) => !/\.(py|md|rst|html|js|pyi)$/.test(path))).toEqual([]);
  });

  test('is small where it can be: no package lists, no pip cache', async () => {
    const places = ['var/lib/apt/lists', 'root/.cache'].flatMap(inOwn);
    const found = places.flatMap((folder) => readdirSync(folder));
    expect(found.filter((entry) => !['auxfiles', 'lock', 'partial'].includes(entry))).toEqual([]);
  });
});

test('images on the same base share its layer, so that a node stores it once', async () => {
  const [base] = (await configurationOf('base')).layers;
  for (const name of ['mlflow', 'postgres', 'seaweedfs'])
    expect((await configurationOf(name)).layers[0]).toBe(base);
});
