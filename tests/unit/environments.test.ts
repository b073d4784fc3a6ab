import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { type Choices, choose, covering, type Pair, pairsOf } from '../support/covering.ts';
import { environmentError } from '../support/mistakes.ts';

const minimal = { domain: 'ml.example.com', kubernetes: { api: { cidr: '10.0.0.1/32' } } };

/** What these tests look at of an object. */
interface RenderedWorkload {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: {
    readonly rules?: readonly { readonly filters?: readonly object[] }[];
    readonly template?: { readonly spec?: { readonly imagePullSecrets?: unknown } };
    readonly storageClassName?: string;
    readonly listeners?: readonly {
      readonly allowedRoutes: {
        readonly namespaces: {
          readonly from: string;
          readonly selector: {
            readonly matchExpressions: readonly {
              readonly key: string;
              readonly operator: string;
              readonly values: readonly string[];
            }[];
          };
        };
      };
    }[];
  };
}

const mistakesIn = (input: unknown): readonly string[] => {
  const error = environmentError('broken', input);
  if (error === undefined) throw new Error('accepted');
  return error.message.split('\n');
};

describe('an environment file', () => {
  test('needs little: everything else has a default', () => {
    const environment = parseEnvironment('small', minimal);
    expect(environment.postgres).toEqual({ kind: 'inCluster', storageGiB: 10, memoryMiB: 512 });
    expect(environment.mlflow).toEqual({ kind: 'on', replicas: 1, workers: 2 });
  });

  test('has all its mistakes reported at once, each with what to do', () => {
    const mistakes = mistakesIn({
      ...minimal,
      domain: 'ML.example.com',
      kubernetes: { version: 1.35, api: { cidr: '10.0.0.1' } },
      postgres: { kind: 'inCluster', storageGiB: '5Gi' },
      mlflow: { kind: 'on', replicas: 0 },
      gateway: { kind: 'nginx' },
      colour: 'blue',
    });
    expect(mistakes).toEqual([
      expect.stringMatching(/^environments\/broken\.ts: domain: got "ML\.example\.com", expected a DNS name/),
      expect.stringMatching(
        /: kubernetes\.version: got 1\.35, expected a minor version .*, write it like '1\.35'/,
      ),
      expect.stringMatching(/: kubernetes\.api\.cidr: got "10\.0\.0\.1", expected an address range in CIDR/),
      expect.stringMatching(/: postgres\.storageGiB: got "5Gi", expected a number, write digits/),
      expect.stringMatching(/: gateway\.kind: got "nginx", expected .*"traefik"/),
      expect.stringMatching(/: mlflow\.replicas: got 0, expected a number of at least 1, raise it$/),
      expect.stringMatching(/: colour: got "blue", expected no such field, remove it/),
    ]);
  });

  test.each([
    [
      { kubernetes: { version: '134', api: minimal.kubernetes.api } },
      'version: got "134", expected a minor version of Kubernetes, write it like \'1.35\': with the dot, in quotes',
    ],
    [
      { kubernetes: { version: '1.29', api: minimal.kubernetes.api } },
      'version: got "1.29", expected 1.30 or later, because older API servers lack what the manifests use, upgrade',
    ],
    [
      { domain: undefined },
      'domain: got nothing, expected a DNS name in lower case, with labels of at most 63 characters, write it like ml.',
    ],
    [
      { domain: `${'m'.repeat(64)}.example.com` },
      'expected a DNS name in lower case, with labels of at most 63',
    ],
    [{ teams: [{}] }, 'teams.0.name: got nothing, expected a Kubernetes name: at most 63 lower-case letters'],
    [{ mlflow: true }, 'mlflow: got true, expected an object, write it in { }'],
    [{ mlflow: {} }, 'mlflow.kind: got nothing, expected one of "on", "off", choose one as kind'],
    [{ teams: 'team-a' }, 'teams: got "team-a", expected a list, write it in [ ]'],
    [{ notebooks: { kind: 'on', sizes: [] } }, 'notebooks.sizes: got [], expected at least 1 entry, add one'],
    [
      { notebooks: { kind: 'on', sizes: [{ name: 's', cpu: 0, memoryGiB: 1.5 }] } },
      'sizes.0.memoryGiB: got 1.5, expected a whole number, write it without a fraction',
    ],
    [
      { airflow: { kind: 'on', dags: { kind: 'git', url: 'git@x', branch: '', cidr: '10.0.0.0/8' } } },
      'dags.url: got "git@x", expected an https address of a git repository, write it like https://',
    ],
    [
      { airflow: { kind: 'on', dags: { kind: 'git', url: 'git@x', branch: '', cidr: '10.0.0.0/8' } } },
      'dags.branch: got "", expected a branch of the repository, write it like \'main\'',
    ],
  ])('says of %j what was got, what is right and what to write', (input, mistake) => {
    expect(mistakesIn({ ...minimal, ...input })).toContainEqual(expect.stringContaining(mistake));
  });

  test('that switches off what something needs is told who needs it', () => {
    const off = { kind: 'off' } as const;
    expect(mistakesIn({ ...minimal, postgres: off, objectStore: off })).toEqual([
      expect.stringContaining(
        "postgres.kind: got 'off', expected 'inCluster' or 'external', because mlflow needs",
      ),
      expect.stringContaining('objectStore.kind'),
    ]);
  });

  test('can name only credentials and volumes that there are', () => {
    const mistakes = mistakesIn({
      ...minimal,
      generations: { 'mlflow/databse': 2 },
      confirmDataLoss: ['data/postgers'],
    });
    expect(mistakes).toEqual([
      expect.stringMatching(
        /generations\.mlflow\/databse: got "mlflow\/databse", expected one of .*mlflow\/database/,
      ),
      expect.stringMatching(/confirmDataLoss: got "data\/postgers", expected one of .*data\/postgres/),
    ]);
  });

  test('can name the data of a team that is gone, and nothing else of its namespace', () => {
    const confirmDataLoss = ['team-gone/shared', 'team-gone/homes', 'team-gone/share', 'gone/shared'];
    expect(mistakesIn({ ...minimal, confirmDataLoss })).toEqual([
      expect.stringMatching(/confirmDataLoss: got "team-gone\/share", expected one of .*\/homes, remove it/),
      expect.stringContaining('confirmDataLoss: got "gone/shared"'),
    ]);
  });
});

test.each([
  [{ mlflow: { kind: 'off' } }, 'mlflow/bucket'],
  [{ gateway: { kind: 'off' } }, 'gateway/certificate'],
  [{ tls: { kind: 'secret', name: 'tls' } }, 'gateway/certificate'],
  [{}, 'identity/database'],
])('what is switched off has no credential to rotate: %j', (choice, credential) => {
  expect(mistakesIn({ ...minimal, ...choice, generations: { [credential]: 2 } })).toEqual([
    expect.stringMatching(new RegExp(`generations\\.${credential}: got 2, expected no generation of`)),
  ]);
});

test.each([
  [[{ name: 'mlflow' }], /teams\.0\.name: got "mlflow", expected a name that isn't the platform's own/],
  [[{ name: 'platform-admins' }], /teams\.0\.name: got "platform-admins"/],
  [[{ name: 'ab' }], /teams\.0\.name: got "ab", expected a name of 3 to 30 characters/],
  [
    [{ name: 'red' }, { name: 'team-red' }],
    /teams\.1\.name: got "team-red", expected a name whose namespace/,
  ],
])("a team can not be called what would give it another's things: %j", (teams, mistake) => {
  expect(mistakesIn({ ...minimal, teams })).toEqual([expect.stringMatching(mistake)]);
});

test.each(['10.0.0.0/33', '999.1.1.1/8', '10.0.0.0', '10.0.0.0/8/8', 'fd00::/129', 'ten/8'])(
  '%s is no range of addresses',
  (cidr) => {
    expect(mistakesIn({ ...minimal, kubernetes: { api: { cidr } } })).toEqual([
      expect.stringContaining('kubernetes.api.cidr'),
    ]);
  },
);

/** Every choice of every component; each pair of choices must compose, or be refused with a reason. */
const choices: Choices = {
  postgres: [
    { kind: 'inCluster' },
    { kind: 'external', host: 'pg.example.com', cidr: '10.1.0.0/28' },
    { kind: 'external', host: 'pg.example.com', cidr: '10.1.0.0/28', administratorSecret: 'admin' },
    { kind: 'off' },
  ],
  objectStore: [
    { kind: 'inCluster' },
    { kind: 'external', host: 's3.example.com', cidr: '10.2.0.0/28', region: 'eu' },
    {
      kind: 'external',
      host: 's3.example.com',
      cidr: '10.2.0.0/28',
      region: 'eu',
      administratorSecret: 'admin',
    },
    { kind: 'off' },
  ],
  gateway: [
    { kind: 'traefik' },
    { kind: 'traefik', service: { kind: 'loadBalancer' } },
    { kind: 'existing', className: 'shared', namespace: 'ingress' },
    { kind: 'off' },
  ],
  identity: [
    { kind: 'keycloak' },
    { kind: 'external', issuer: 'https://sso.example.com/realms/ml', cidr: '10.3.0.0/28' },
    { kind: 'off' },
  ],
  mlflow: [{ kind: 'on' }, { kind: 'on', replicas: 3 }, { kind: 'off' }],
  airflow: [
    { kind: 'on', dags: { kind: 'examples' } },
    {
      kind: 'on',
      dags: { kind: 'git', url: 'https://git.example.com/dags.git', cidr: '10.4.0.0/28', secret: 'git' },
      triggerer: true,
    },
    { kind: 'off' },
  ],
  spark: [{ kind: 'on' }, { kind: 'on', history: false }, { kind: 'off' }],
  teams: [[], [{ name: 'team-a' }, { name: 'red' }]],
  monitoring: [{ kind: 'on' }, { kind: 'on', nodeCidr: '10.3.0.0/24' }, { kind: 'off' }],
  promoter: [{ kind: 'off' }, { kind: 'on' }],
  predictionLog: [{ kind: 'off' }, { kind: 'on' }],
  portal: [{ kind: 'off' }, { kind: 'on' }],
  serving: [
    { kind: 'mlserver' },
    {
      kind: 'mlserver',
      models: [
        {
          name: 'delays',
          team: 'team-a',
          predictors: [{ name: 'v1', source: { kind: 'bucket', path: 'delays/1' } }],
        },
      ],
    },
    { kind: 'off' },
  ],
  notebooks: [{ kind: 'on' }, { kind: 'on', shared: {} }, { kind: 'off' }],
  grafana: [{ kind: 'on' }, { kind: 'off' }],
  registry: [{ kind: 'on' }, { kind: 'off' }],
  tls: [
    { kind: 'ownAuthority' },
    { kind: 'secret', name: 'tls' },
    { kind: 'certManager', clusterIssuer: 'ca' },
  ],
};

/** With what serving needs, so that its pairs aren't all refused. */
const crowded: EnvironmentInput = {
  ...minimal,
  identity: { kind: 'external', issuer: 'https://sso.example.com/realms/ml', cidr: '10.3.0.0/28' },
  teams: [{ name: 'team-a' }],
};

const pairs = pairsOf(choices);
const alone = ([first, one, second, other]: Pair): EnvironmentInput =>
  choose(
    crowded,
    choices,
    new Map([
      [first, one],
      [second, other],
    ]),
  );

describe('every pair of choices', () => {
  const accepted = pairs.filter((pair) => environmentError('pair', alone(pair)) === undefined);

  test('is accepted, or refused with what needs what', () => {
    const reasons = pairs.flatMap((pair) => environmentError('pair', alone(pair))?.toString() ?? []);
    const plain =
      /because (mlflow|identity|airflow|serving|promoter|predictionLog|portal|spark|grafana|notebooks|registry) needs?|because servers run in|where no gateway uses it/;
    expect(reasons.filter((reason) => !plain.test(reason))).toEqual([]);
    expect(accepted.length).toBeGreaterThan(pairs.length / 2);
  });

  test.each(covering(crowded, choices, accepted).map((input) => [JSON.stringify(input), input] as const))(
    'composes where it is accepted: %s',
    (_, input) => {
      const objects = compose(parseEnvironment('pair', input)).app.charts.flatMap(
        (chart) => chart.toJson() as { kind: string; metadata: { name: string; namespace?: string } }[],
      );
      const keys = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`);
      expect(new Set(keys).size).toBe(keys.length);
      expect(
        objects.some(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet' || kind === 'Gateway'),
      ).toBe(keys.length > 0);
    },
  );
});

test('the committed environments are valid', () => {
  for (const [name, input] of Object.entries(environments))
    expect(parseEnvironment(name, input).name).toBe(name);
});

test('where images and volumes come from is the same for all pods and volumes', () => {
  const input = { ...minimal, imagePullSecret: 'registry-login', storageClass: 'fast' };
  const { app } = compose(parseEnvironment('chosen', input));
  const objects = app.charts.flatMap((chart) => chart.toJson() as readonly RenderedWorkload[]);
  const pods = objects.flatMap(({ spec }) => spec?.template?.spec ?? []);
  expect(pods.length).toBeGreaterThan(3);
  for (const { imagePullSecrets } of pods) expect(imagePullSecrets).toEqual([{ name: 'registry-login' }]);
  const volumes = objects.filter(({ kind }) => kind === 'PersistentVolumeClaim');
  expect(volumes.length).toBeGreaterThan(1);
  for (const { spec } of volumes) expect(spec?.storageClassName).toBe('fast');
});

test('a gateway serves the routes of the namespaces that have some, and of no others', () => {
  const { app } = compose(parseEnvironment('local', environments['local']));
  const objects = app.charts.flatMap((chart) => chart.toJson() as readonly RenderedWorkload[]);
  const routes = objects.filter(({ kind }) => kind === 'HTTPRoute').map(({ metadata }) => metadata.namespace);
  const [gateway] = objects.filter(({ kind }) => kind === 'Gateway');
  for (const { allowedRoutes } of gateway?.spec?.listeners ?? []) {
    const { from, selector } = allowedRoutes.namespaces;
    const [{ key, operator, values } = { key: '', operator: '', values: [] }] = selector.matchExpressions;
    expect([from, key, operator]).toEqual(['Selector', 'kubernetes.io/metadata.name', 'In']);
    expect(values).toEqual([...new Set(['gateway', ...routes])].sort());
  }
});

test('a prediction that is lost with a pod is sent to another; nothing else is ever sent twice', () => {
  const { app } = compose(parseEnvironment('local', environments['local']));
  const objects = app.charts.flatMap((chart) => chart.toJson() as readonly RenderedWorkload[]);
  const filtered = objects.flatMap(({ kind, metadata, spec }) =>
    kind === 'HTTPRoute' && spec?.rules?.some(({ filters }) => filters !== undefined)
      ? [[`${metadata.namespace}/${metadata.name}`, ...spec.rules.flatMap(({ filters = [] }) => filters)]]
      : [],
  );
  const again = { group: 'traefik.io', kind: 'Middleware', name: 'models' };
  expect(filtered).toEqual([['serving/models', { type: 'ExtensionRef', extensionRef: again }]]);
  const middlewares = objects.filter(({ kind }) => kind === 'Middleware');
  expect(middlewares.map(({ metadata, spec }) => [metadata.namespace, metadata.name, spec])).toEqual([
    [
      'serving',
      'models',
      { retry: expect.objectContaining({ status: ['502'], retryNonIdempotentMethod: true }) },
    ],
  ]);
});
