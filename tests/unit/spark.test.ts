import { App, Size } from 'cdk8s';
import { ComponentChart } from '../../constructs/kit/index.ts';
import { SparkBatch } from '../../constructs/spark/index.ts';
import { environments } from '../../environments/index.ts';
import { ComposeContext } from '../../platform/compose/context.ts';
import { composeObjectStore } from '../../platform/compose/data.ts';
import { composeSpark } from '../../platform/compose/spark.ts';
import { composeTeams } from '../../platform/compose/teams.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { ManifestValidator } from '../support/manifest-validator.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext: object;
}
interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>>; readonly annotations?: object };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly automountServiceAccountToken: boolean;
    readonly activeDeadlineSeconds?: number;
    readonly containers: readonly Container[];
  };
}
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
  readonly subjects?: readonly object[];
}

const small: EnvironmentInput = {
  domain: 'ml.example.com',
  kubernetes: { api: { cidr: '10.0.0.1/32' } },
  teams: [{ name: 'team-a' }, { name: 'red' }],
  spark: { kind: 'on', executorCoreMillis: 250, limitHours: 12, history: false, javaOptions: ['-Xa', '-Xb'] },
};

const rendered = (app: App): readonly Manifest[] =>
  app.charts.flatMap((chart) => chart.toJson() as Manifest[]);

const spark = () => {
  const context = new ComposeContext(new App(), parseEnvironment('spark', small));
  const store = composeObjectStore(context);
  const teams = composeTeams(context, undefined, store);
  const runtime = composeSpark(context, {
    ...{ store, teams, tracking: undefined },
    models: () => ({ env: {} }),
  });
  if (runtime === undefined) throw new Error('no Spark');
  return { context, teams, runtime };
};

describe("a team's templates", () => {
  const { context, teams, runtime } = spark();
  const all = rendered(context.app);
  const textOf = (namespace: string, configMap: string, name: string): string | undefined =>
    all.find(
      ({ kind, metadata }) =>
        kind === 'ConfigMap' && metadata.namespace === namespace && metadata.name === configMap,
    )?.data?.[name];
  const fileOf = <T>(namespace: string, configMap: string, name: string): T =>
    JSON.parse(textOf(namespace, configMap, name) ?? 'null') as T;
  const session = fileOf<{ maxSeconds: number; coreMillis: number; pod: PodTemplate }>(
    'team-a',
    'spark-templates',
    'session.json',
  );

  test("are where the client's pod finds them, with its rights and its label", () => {
    const [team] = teams;
    if (team === undefined) throw new Error('no team');
    expect(runtime.client(team)).toEqual({
      serviceAccount: 'spark-client',
      labels: { 'spark.plinth.dev/role': 'spark-client' },
      env: { PLINTH_SPARK: { kind: 'value', value: '/etc/plinth/spark' } },
      files: { configMap: 'spark-templates', path: '/etc/plinth/spark' },
    });
  });

  test('start a driver that may start executors, hardened, on the image of the catalogue', () => {
    expect(session).toMatchObject({ maxSeconds: 43_200, coreMillis: 250 });
    const { spec, metadata } = session.pod;
    expect(spec.serviceAccountName).toBe('spark-driver');
    expect(spec.automountServiceAccountToken).toBe(true);
    expect(metadata.annotations).toBeUndefined();
    expect(spec.containers).toHaveLength(1);
    expect(spec.containers[0]?.image).toMatch(/^localhost\/plinth\/spark:4\.1\.1-/);
    expect(spec.containers[0]?.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
  });

  test("give the environment's options to Java, in sessions and in applications", () => {
    const { manifest } = fileOf<{ manifest: { spec: { sparkConf: Record<string, string> } } }>(
      'team-a',
      'spark-templates',
      'application.json',
    );
    for (const name of ['spark.driver.defaultJavaOptions', 'spark.executor.defaultJavaOptions']) {
      expect(textOf('team-a', 'spark-settings', 'spark-defaults.conf')).toContain(`${name} -Xa -Xb\n`);
      expect(manifest.spec.sparkConf[name]).toBe('-Xa -Xb');
    }
  });

  test.each(["-Da='b c'", '-Xmx2g', '-Dspark.a=b', 'UseZGC'])(
    'take no %s for Java, as Spark would not',
    (option) => {
      const mistaken = { ...small, spark: { kind: 'on', javaOptions: [option] } } as EnvironmentInput;
      expect(() => parseEnvironment('spark', mistaken)).toThrow(/javaOptions.*one option of java each/);
    },
  );

  test('give executors no way to Kubernetes', () => {
    const executor = fileOf<PodTemplate>('team-a', 'spark-settings', 'executor.json');
    expect(executor.spec.serviceAccountName).toBe('spark-executor');
    expect(executor.spec.automountServiceAccountToken).toBe(false);
    expect(
      all.some(
        ({ kind, subjects }) => kind === 'RoleBinding' && /spark-executor/.test(JSON.stringify(subjects)),
      ),
    ).toBe(false);
  });

  test('name keys and hold none', () => {
    const text = JSON.stringify(all.filter(({ kind }) => kind === 'ConfigMap'));
    expect(text).toMatch(/secretKeyRef/);
    expect(text).not.toMatch(/"AWS_SECRET_ACCESS_KEY\\*",\s*\\*n?\s*\\*"value\\*"/);
  });

  test('of a team whose name is not its namespace are in its namespace', () => {
    const own = fileOf<{ manifest: { metadata: object } }>('team-red', 'spark-templates', 'application.json');
    expect(own.manifest.metadata).toEqual({ namespace: 'team-red', labels: { team: 'red' } });
  });

  test('of applications are valid SparkApplications', async () => {
    const { manifest } = fileOf<{ manifest: Manifest & { spec: object } }>(
      'team-a',
      'spark-templates',
      'application.json',
    );
    const validator = await ManifestValidator.for('1.35');
    const filled = { ...manifest, metadata: { ...manifest.metadata, name: 'filled' } };
    expect(validator.mistakes(filled)).toEqual([]);
  });
});

test('there are never two operators, each of which would submit an application', () => {
  const operators = rendered(spark().context.app).filter(
    ({ kind, metadata }) =>
      ['Deployment', 'StatefulSet'].includes(kind) && metadata.name === 'spark-operator',
  );
  expect(operators.map(({ kind }) => kind)).toEqual(['StatefulSet']);
});

test('nobody but the operator may touch another namespace, and no Role of a team opens a Secret', () => {
  const all = rendered(spark().context.app);
  const roles = all.filter(({ kind, metadata }) => kind === 'Role' && metadata.name.startsWith('spark'));
  expect(roles.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort()).toEqual([
    'team-a/spark-client',
    'team-a/spark-driver',
    'team-a/spark-operator',
    'team-red/spark-client',
    'team-red/spark-driver',
    'team-red/spark-operator',
  ]);
  const secretVerbs = roles
    .flatMap(({ rules = [] }) => rules)
    .filter(({ resources }) => resources.includes('secrets'))
    .flatMap(({ verbs }) => verbs);
  expect([...new Set(secretVerbs)].sort()).toEqual(['create', 'delete']);
  expect(all.some(({ kind, metadata }) => kind === 'ClusterRole' && /spark/.test(metadata.name))).toBe(false);
});

test('the admission policy names the image, the identities and the limit', () => {
  const policy = rendered(spark().context.app).find(({ kind }) => kind === 'ValidatingAdmissionPolicy');
  const text = JSON.stringify(policy);
  expect(text).toMatch(/each\.image == 'localhost\/plinth\/spark:4\.1\.1-/);
  expect(text).toContain('activeDeadlineSeconds <= 43200');
  expect(text).toContain("spark-driver' : 'spark-executor'");
});

test('an application of the platform is typed, and its executors share cores as sessions do', () => {
  const { context, runtime } = spark();
  const chart = new ComponentChart(context.app, 'jobs', { home: context.namespace('team-a') });
  const { application } = new SparkBatch(chart, 'Nightly', {
    runtime,
    team: 'team-a',
    name: 'nightly',
    main: { kind: 'bucket', bucket: 'team-a', key: 'jobs/nightly.py' },
    arguments: ['--day=today'],
    executors: { count: 2, cores: 2, memory: Size.gibibytes(2) },
    settings: { 'spark.sql.shuffle.partitions': '8' },
  });
  expect(application.toJson()).toMatchObject({
    metadata: { name: 'nightly', namespace: 'team-a' },
    spec: {
      mainApplicationFile: 's3a://team-a/jobs/nightly.py',
      arguments: ['--day=today'],
      executor: { instances: 2, cores: 2, coreRequest: '500m', memory: '2048m' },
      driver: { serviceAccount: 'spark-driver', coreRequest: '200m' },
      sparkConf: { 'spark.sql.shuffle.partitions': '8', 'spark.eventLog.dir': 's3a://team-a/spark/events' },
    },
  });
  expect(() => new SparkBatch(chart, 'Other', { ...nobody, runtime })).toThrow(
    "Spark knows no team 'nobody'; it has team-a, red",
  );
});

const nobody = {
  team: 'nobody',
  name: 'other',
  main: { kind: 'image', path: '/opt/job.py' },
  executors: { count: 1, cores: 1, memory: Size.gibibytes(1) },
} as const;

test("each team's history is read with a key of its own and shown to its group", () => {
  const all = rendered(
    compose(parseEnvironment('local', { ...environments['local'], spark: { kind: 'on' } })).app,
  );
  const histories = all.filter(
    ({ kind, metadata }) => kind === 'Deployment' && /^spark-team-.-sign-in$/.test(metadata.name),
  );
  expect(histories.map((each) => JSON.stringify(each).match(/--allowed-group=team-\w/g))).toEqual([
    ['--allowed-group=team-a'],
    ['--allowed-group=team-b'],
  ]);
  const server = all.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'spark-history-team-b',
  );
  expect(JSON.stringify(server)).toContain('spark-history-team-b-bucket-team-b');
});
