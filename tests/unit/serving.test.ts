import { environments } from '../../environments/index.ts';
import { checkTree } from '../../platform/checks/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { find, manifestsOf } from '../support/manifests.ts';
import { mistakesIn } from '../support/mistakes.ts';

interface Peer {
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly namespaceSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports: readonly { readonly port: number }[];
}
interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly resources: { readonly requests: Readonly<Record<string, string>> };
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly object[];
  readonly spec: {
    readonly replicas?: number;
    readonly minReplicas?: number;
    readonly maxReplicas?: number;
    readonly ingress: readonly Rule[];
    readonly egress: readonly Rule[];
    readonly template: {
      readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: {
        readonly initContainers?: readonly Container[];
        readonly containers: readonly Container[];
      };
    };
  };
}

type Serving = NonNullable<EnvironmentInput['serving']>;
type Model = NonNullable<Extract<Serving, { kind: 'mlserver' }>['models']>[number];

const identity = {
  kind: 'external',
  issuer: 'https://sso.example.com/realms/ml',
  cidr: '10.9.0.0/28',
} as const;

const composed = (models: readonly Model[], change: Partial<EnvironmentInput> = {}) =>
  compose(
    parseEnvironment('serving', {
      ...environments['local'],
      grafana: { kind: 'off' },
      identity,
      serving: { kind: 'mlserver', models: [...models] },
      ...change,
    }),
  );

const paths = (all: readonly Manifest[], workload: string, way: 'ingress' | 'egress'): readonly string[] =>
  find(all, 'NetworkPolicy', workload).spec[way].flatMap(({ from, to, ports }) =>
    (from ?? to ?? []).flatMap((peer) => {
      const namespace = peer.namespaceSelector?.matchLabels['kubernetes.io/metadata.name'];
      const name = peer.podSelector?.matchLabels['app.kubernetes.io/name'];
      return ports.map(({ port }) => `${[namespace, name].filter(Boolean).join('/') || 'addresses'}:${port}`);
    }),
  );

const mistakesOf = (change: object): readonly string[] =>
  mistakesIn('local', { ...environments['local'], grafana: { kind: 'off' }, ...change });

const delays: Model = {
  log: { redact: ['passport'] },
  name: 'delays',
  team: 'team-a',
  predictors: [
    { name: 'v3', source: { kind: 'bucket', path: 'models/delays/3' }, weight: 90 },
    {
      name: 'v4',
      source: { kind: 'bucket', path: 'models/delays/4' },
      transformer: { kind: 'bucket', path: 'models/features/2' },
      weight: 10,
      scaling: { kind: 'auto', minimum: 2, maximum: 5 },
      cpu: 0.5,
    },
  ],
  concurrent: 8,
};

describe('a model served by MLServer', () => {
  const composition = composed([delays]);
  const all = manifestsOf<Manifest>(composition);
  const podOf = (name: string) => find(all, 'Deployment', `team-a/${name}`).spec.template.spec;
  const env = (container: Container | undefined) =>
    Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));

  test("has a Deployment, a Service and a PodDisruptionBudget for each predictor, in its team's namespace", () => {
    for (const name of ['delays-v3', 'delays-v4'])
      for (const kind of ['Deployment', 'Service', 'PodDisruptionBudget'])
        expect(find(all, kind, `team-a/${name}`).metadata.labels).toMatchObject({
          'plinth.dev/model': 'delays',
        });
    expect(find(all, 'Deployment', 'team-a/delays-v3').spec.replicas).toBe(1);
  });

  test('leaves the number of pods to the autoscaler where there is one', () => {
    expect(find(all, 'Deployment', 'team-a/delays-v4').spec.replicas).toBeUndefined();
    expect(find(all, 'HorizontalPodAutoscaler', 'team-a/delays-v4').spec).toMatchObject({
      minReplicas: 2,
      maxReplicas: 5,
    });
    expect(() => find(all, 'HorizontalPodAutoscaler', 'team-a/delays-v3')).toThrow();
  });

  test('is fetched by a container that has the key, and served by one that has none', () => {
    const { initContainers: [fetch] = [], containers } = podOf('delays-v3');
    expect(env(fetch)).toMatchObject({
      MODEL_NAME: 'delays',
      MODEL_VERSION: 'v3',
      MODEL_URI: 's3://team-a/models/delays/3',
    });
    expect(Object.keys(env(fetch))).toContain('AWS_SECRET_ACCESS_KEY');
    const [serve] = containers;
    expect(containers).toHaveLength(1);
    expect(JSON.stringify(serve)).not.toMatch(/AWS_|secretKeyRef|OIDC|TOKEN/);
    expect(serve?.volumeMounts.find(({ mountPath }) => mountPath === '/mnt/models')?.readOnly).toBe(true);
  });

  test('passes its transformer first', () => {
    const { initContainers: [fetch] = [] } = podOf('delays-v4');
    expect(env(fetch)).toMatchObject({
      TRANSFORMER_URI: 's3://team-a/models/features/2',
      MODEL_URI: 's3://team-a/models/delays/4',
    });
    expect(podOf('delays-v4').containers[0]?.resources.requests).toMatchObject({ cpu: '500m' });
  });

  test('is reached by the gateway, and measured by Prometheus, and by nobody else', () => {
    expect(paths(all, 'team-a/models', 'ingress')).toEqual([
      'monitoring/prometheus:8082',
      'serving/inference-gateway:8080',
    ]);
    expect(paths(all, 'team-a/models', 'egress')).toEqual([]);
  });

  test('is a tree without mistakes', () => {
    expect(checkTree(composition.app)).toEqual([]);
  });
});

describe('the inference gateway', () => {
  const all = manifestsOf<Manifest>(composed([delays]));
  const routes = (of: readonly Manifest[]) =>
    JSON.parse(find(of, 'ConfigMap', 'serving/inference-routes').data?.['routes.json'] ?? '') as object;

  test('knows each model, its team, its weights and its limits', () => {
    const at = (name: string) => `http://delays-${name}.team-a.svc.cluster.local:8080`;
    expect(routes(all)).toEqual({
      models: {
        delays: {
          team: 'team-a',
          stable: 'v3',
          predictors: [
            { name: 'v3', version: 'v3', url: at('v3'), weight: 90 },
            { name: 'v4', version: 'v4', url: at('v4'), weight: 10 },
          ],
          timeoutMs: 10_000,
          maxConcurrent: 8,
          maxQueued: 256,
          log: { sample: 1, redact: ['passport'] },
        },
      },
    });
  });

  test('is the same workload whatever its routes are', () => {
    const other = manifestsOf<Manifest>(composed([]));
    expect(routes(other)).toEqual({ models: {} });
    const deployment = (of: readonly Manifest[]) => find(of, 'Deployment', 'serving/inference-gateway');
    expect(deployment(other)).toEqual(deployment(all));
    expect(deployment(all).spec.replicas).toBe(2);
  });

  test('may watch its routes and nothing else', () => {
    expect(find(all, 'Role', 'serving/inference-gateway').rules).toEqual([
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: ['inference-routes'],
        verbs: ['watch'],
      },
    ]);
  });

  test("reaches the models of every team, the issuer's keys and its log's sink; its admin port is Prometheus' only", () => {
    expect(paths(all, 'serving/inference-gateway', 'egress')).toEqual([
      'addresses:6443',
      'addresses:443',
      'serving/prediction-log:8081',
      'team-a/models:8080',
      'team-b/models:8080',
    ]);
    expect(paths(all, 'serving/inference-gateway', 'ingress')).toEqual([
      'gateway/gateway:8080',
      'monitoring/prometheus:9090',
    ]);
  });
});

describe('an environment', () => {
  test('that serves models without what they need is told', () => {
    const off = { kind: 'off' };
    const registered = { name: 'v1', source: { kind: 'registry', model: 'delays', version: 1 } };
    const models = [delays, { name: 'other', team: 'team-a', predictors: [registered] }];
    const others = {
      airflow: off,
      spark: off,
      notebooks: off,
      promoter: off,
      predictionLog: off,
      portal: off,
      registry: off,
    };
    const bare = {
      ...others,
      identity: off,
      mlflow: off,
      objectStore: off,
      serving: { kind: 'mlserver', models },
    };
    expect(mistakesOf(bare)).toEqual([
      expect.stringMatching(/identity\.kind: got 'off', .*because serving needs an issuer of tokens/),
      expect.stringMatching(/mlflow\.kind: got 'off', .*because serving needs a registry of models/),
      expect.stringMatching(/objectStore\.kind: .*because serving needs the buckets of its models/),
    ]);
  });

  test.each([
    [{ name: 'm'.repeat(61) }, /a Service is named after both, shorten it/],
    [{ team: 'team-x' }, /serving\.models\.0\.team: got "team-x", expected one of team-a, team-b/],
    [
      { predictors: [{ ...delays.predictors[0], weight: 60 }] },
      /expected predictors whose weights add up to 100/,
    ],
    [
      { predictors: [{ name: 'v1', source: { kind: 'registry', model: 'm', version: 'champion' } }] },
      /source\.version: got "champion", expected a number/,
    ],
  ])('that serves %j is told what is wrong', (change, message) => {
    const serving = { kind: 'mlserver', models: [{ ...delays, ...change }] };
    expect(mistakesOf({ identity, serving })).toEqual([expect.stringMatching(message)]);
  });
});
