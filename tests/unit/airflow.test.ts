import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretRequest } from '../../constructs/contracts/index.ts';
import { environments } from '../../environments/index.ts';
import { checkTree } from '../../platform/checks/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { find, manifestsOf } from '../support/manifests.ts';
import { shown } from '../support/platform.ts';

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string } };
}
interface PodSpec {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: boolean;
  readonly restartPolicy: string;
  readonly securityContext: object;
  readonly containers: readonly {
    readonly name: string;
    readonly env: readonly EnvVar[];
    readonly securityContext: object;
  }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly { readonly resources: readonly string[] }[];
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}

const on = { kind: 'on', dags: { kind: 'examples' } } as const;
const composed = (change: Partial<EnvironmentInput> = {}) =>
  compose(
    parseEnvironment('local', { ...environments['local'], airflow: on, ...change } as EnvironmentInput),
  );
const requests = ({ app }: ReturnType<typeof compose>) =>
  app.node.findAll().filter(SecretRequest.isSecretRequest);

const local = composed();
const all = manifestsOf<Manifest>(local);
const files = find(all, 'ConfigMap', 'airflow/airflow-files').data ?? {};
const templateOf = (team: string) =>
  JSON.parse(files[`task-${team}.json`] ?? '') as {
    readonly metadata: { readonly labels: Readonly<Record<string, string>>; readonly namespace?: string };
    readonly spec: PodSpec;
  };
const envOf = (workload: string): readonly EnvVar[] =>
  all.find(({ kind, metadata }) => ['StatefulSet', 'Deployment'].includes(kind) && metadata.name === workload)
    ?.spec.template.spec.containers[0]?.env ?? [];

describe("a task's pod", () => {
  const { spec, metadata } = templateOf('team-a');
  const [base] = spec.containers;

  test('is what Pod Security `restricted` accepts, under the policy of tasks', () => {
    expect(metadata.labels['app.kubernetes.io/name']).toBe('airflow-task');
    expect(spec).toMatchObject({
      restartPolicy: 'Never',
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(base).toMatchObject({
      name: 'base',
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    });
  });

  test("knows Secrets of its team's namespace only, and each is there", () => {
    const there = requests(local)
      .filter(({ request }) => request.namespace === 'team-a')
      .map(({ request }) => request.name);
    const named = (base?.env ?? []).flatMap(({ valueFrom }) =>
      valueFrom === undefined ? [] : [valueFrom.secretKeyRef.name],
    );
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(there).toContain(name);
  });

  test("has none of Airflow's own keys and no login to its database", () => {
    const names = (base?.env ?? []).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['AIRFLOW_CONN_S3', 'AIRFLOW_CONN_AWS_DEFAULT']));
    expect(names.filter((name) => /FERNET|JWT|SQL_ALCHEMY|SECRET_KEY/.test(name))).toEqual([]);
    // Its team's own database is another one.
    const secrets = (base?.env ?? []).flatMap(({ valueFrom }) => valueFrom?.secretKeyRef.name ?? []);
    expect(secrets.filter((name) => name.endsWith('-database'))).not.toContain('airflow-database');
  });

  test('sees the folder of its own team, and puts its log into the bucket of its own team', () => {
    const value = (name: string) => base?.env.find((each) => each.name === name)?.value ?? '';
    const bundles = JSON.parse(value('AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST')) as object[];
    expect(bundles).toMatchObject([{ name: 'team-a', kwargs: { subdir: 'team-a' } }]);
    expect(value('AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER')).toBe('s3://team-a/airflow-logs');
  });
});

describe('the processes', () => {
  test('only the scheduler may do anything in Kubernetes: with pods, in the namespaces of teams', () => {
    const roles = all.filter(
      ({ kind, metadata }) => kind === 'Role' && metadata.name === 'airflow-scheduler',
    );
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(['team-a', 'team-b']);
    expect(roles.flatMap(({ rules = [] }) => rules.flatMap(({ resources }) => resources))).toEqual([
      'pods',
      'pods',
    ]);
    const tokens = all.filter(
      ({ kind, metadata, spec }) =>
        ['StatefulSet', 'Deployment'].includes(kind) &&
        metadata.namespace === 'airflow' &&
        spec.template.spec.automountServiceAccountToken,
    );
    expect(tokens.map(({ metadata }) => metadata.name)).toEqual(['airflow-scheduler']);
  });

  test('what parses DAGs can make no token and has no key to a bucket', () => {
    const names = envOf('airflow-dag-processor').map(({ name }) => name);
    expect(names.filter((name) => /JWT|API__SECRET_KEY|^AWS_|OIDC/.test(name))).toEqual([]);
  });

  test('reach the database with asyncpg as with every other driver: its certificate checked, the login in no address', () => {
    const asynchronous = (change: Partial<EnvironmentInput>) =>
      Object.fromEntries(
        (
          find(manifestsOf<Manifest>(composed(change)), 'StatefulSet', 'airflow/airflow-scheduler').spec
            .template.spec.containers[0]?.env ?? []
        ).map(({ name, value }) => [name, value]),
      );
    const address = 'postgresql+asyncpg://$(DATABASE_HOST):$(DATABASE_PORT)/$(DATABASE_NAME)';
    const inCluster = asynchronous({});
    expect(inCluster['AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC']).toBe(`${address}?ssl=disable`);
    expect(inCluster).not.toHaveProperty('PGSSLROOTCERT');
    const external = { host: 'pg.example.com', cidr: '10.1.0.0/28', authoritySecret: 'pg-authority' };
    const checked = asynchronous({
      postgres: { kind: 'external', administratorSecret: 'admin', ...external },
      teams: [{ name: 'team-a' }, { name: 'team-b' }],
    });
    expect(checked).toMatchObject({
      AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC: `${address}?ssl=verify-full`,
      PGSSLROOTCERT: '/run/postgres-authority/ca.crt',
    });
    expect(Object.keys(checked)).toEqual(expect.arrayContaining(['PGUSER', 'PGPASSWORD']));
  });

  test('there is no triggerer unless asked for', () => {
    const named = (manifests: readonly Manifest[]) =>
      manifests.filter(({ kind, metadata }) => kind === 'StatefulSet' && metadata.namespace === 'airflow')
        .length;
    expect(named(all)).toBe(2);
    expect(named(manifestsOf<Manifest>(composed({ airflow: { ...on, triggerer: true } })))).toBe(3);
  });

  test('the tree has no mistakes', () => {
    expect(checkTree(local.app)).toEqual([]);
  });
});

test('a new Fernet key comes before those that encrypted what is there', () => {
  const rotated = composed({ generations: { 'airflow/keys': 3 } });
  const keys = requests(rotated).find(({ request }) => request.name === 'airflow-keys')?.request.values;
  const values = keys as Record<string, Parameters<typeof shown>[0]>;
  expect(shown(values['fernet'])).toBe('<airflow/fernet/3>=,<airflow/fernet/2>=,<airflow/fernet/1>=');
  expect(shown(values['jwt'])).toBe('<airflow/jwt/3>');
});

test('a repository of somebody else is reached at its addresses, with a Secret that is there in each namespace', () => {
  const elsewhere = composed({
    airflow: {
      kind: 'on',
      dags: {
        kind: 'git',
        url: 'https://git.example.com/ml/dags.git',
        folder: 'pipelines',
        cidr: '192.0.2.0/28',
        secret: 'dags-git',
      },
    },
  });
  const manifests = manifestsOf<Manifest>(elsewhere);
  const egress = JSON.stringify(find(manifests, 'NetworkPolicy', 'team-a/airflow-task'));
  expect(egress).toContain('192.0.2.0/28');
  const secrets = requests(elsewhere).filter(({ request }) => request.name === 'dags-git');
  expect(secrets.map(({ request }) => `${request.namespace} ${request.source}`).sort()).toEqual([
    'airflow preCreated',
    'team-a preCreated',
    'team-b preCreated',
  ]);
  expect(find(manifests, 'ConfigMap', 'airflow/airflow-files').data?.['task-team-b.json']).toContain(
    'pipelines/team-b',
  );
  expect(checkTree(elsewhere.app)).toEqual([]);
});

test('what it needs and is switched off is named', () => {
  const off = { kind: 'off' } as const;
  expect(() => composed({ identity: off, teams: [] })).toThrow(
    /identity\.kind: got 'off', expected 'keycloak' or 'external', because airflow needs somebody to sign people in[\s\S]*teams: got \[\], expected at least one team, because airflow needs/,
  );
});

describe('alive.py', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-alive-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  /** A driver whose database has so many heartbeats of late, or is down. */
  const exit = (heartbeats: number | 'down', ...options: readonly string[]): number | null => {
    const driver = `
from unittest.mock import MagicMock
class OperationalError(Exception): pass
def connect(*_, **__):
    ${heartbeats === 'down' ? 'raise OperationalError("refused")' : 'connection = MagicMock()'}
    connection.__enter__.return_value.cursor.return_value.__enter__.return_value.fetchone.return_value = (${heartbeats === 'down' ? 0 : heartbeats},)
    return connection
`;
    writeFileSync(join(folder, 'psycopg2.py'), driver);
    const script = join(import.meta.dirname, '../../constructs/airflow/files/alive.py');
    const env = { ...process.env, PYTHONPATH: folder, PLINTH_DATABASE_URL: 'postgresql://db' };
    return spawnSync('python3', ['-B', script, 'SchedulerJob', ...options], { env }).status;
  };

  test('tells a job with a heartbeat from one without, for readiness and for liveness', () => {
    expect(exit(1)).toBe(0);
    expect(exit(0)).toBe(1);
    expect(exit(1, '--unless-database-is-down')).toBe(0);
    expect(exit(0, '--unless-database-is-down')).toBe(1);
  });

  test('takes a database that is down for no reason to restart, though nothing is ready then', () => {
    expect(exit('down')).toBe(1);
    expect(exit('down', '--unless-database-is-down')).toBe(0);
  });
});
