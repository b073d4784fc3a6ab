import { environments } from '../../environments/index.ts';
import { checkTree } from '../../platform/checks/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { find, manifestsOf } from '../support/manifests.ts';
import { mistakesIn } from '../support/mistakes.ts';
import { networkPaths } from '../support/network-paths.ts';

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly command?: readonly string[];
          readonly env: readonly Variable[];
        }[];
      };
    };
  };
}

const base = {
  ...environments['local'],
  grafana: { kind: 'off' },
  predictionLog: { kind: 'on' },
} as EnvironmentInput;

const composed = (change: Partial<EnvironmentInput> = {}) =>
  compose(parseEnvironment('prediction-log', { ...base, ...change }));

const mistakesOf = (change: Partial<EnvironmentInput>): readonly string[] =>
  mistakesIn('prediction-log', { ...base, ...change });

describe('the prediction log', () => {
  const composition = composed();
  const all = manifestsOf<Manifest>(composition);
  const container = find(all, 'Deployment', 'serving/prediction-log').spec.template.spec.containers[0];
  const env = new Map((container?.env ?? []).map((each) => [each.name, each]));

  test('makes a tree without mistakes', () => {
    expect(checkTree(composition.app)).toEqual([]);
  });

  test('gives records to the gateway, labels to teams, metrics to Prometheus, each a port', () => {
    expect(networkPaths(all, 'serving/prediction-log', 'ingress')).toEqual([
      'gateway/gateway:8080',
      'monitoring/prometheus:9090',
      'serving/inference-gateway:8081',
    ]);
    expect(composition.exposures.map(({ url }) => url)).toContain('https://predictions.plinth.localhost');
  });

  test("reaches its database, the store and the issuer's keys", () => {
    expect(networkPaths(all, 'serving/prediction-log', 'egress')).toEqual([
      'data/object-store:8333',
      'data/postgres:5432',
      'gateway/gateway:8443',
    ]);
    expect(networkPaths(all, 'serving/prediction-log-migrate', 'egress')).toEqual(['data/postgres:5432']);
  });

  test("writes to every team's bucket with one key of its own", () => {
    expect(env.get('TEAM_BUCKETS')?.value).toBe('{"team-a":"team-a","team-b":"team-b"}');
    expect(env.get('AWS_ACCESS_KEY_ID')?.valueFrom?.secretKeyRef).toEqual({
      name: 'prediction-log-bucket-team-a',
      key: 'accessKeyId',
    });
  });

  test('is what the gateway sends its records to', () => {
    const gateway = find(all, 'Deployment', 'serving/inference-gateway').spec.template.spec.containers[0];
    const sink = gateway?.env.find(({ name }) => name === 'LOG_SINK_URL')?.value;
    expect(sink).toBe('http://prediction-log.serving.svc.cluster.local:8081/records');
  });

  test('has a database that is migrated first', () => {
    const [job] = all.filter(
      ({ kind, metadata }) => kind === 'Job' && metadata.name.startsWith('prediction-log-migrate-'),
    );
    expect(job?.spec.template.spec.containers[0]?.command).toEqual(['node', 'src/migrate.ts']);
  });
});

test('without a log nothing of it is there, and the gateway has no sink', () => {
  const all = manifestsOf<Manifest>(composed({ predictionLog: { kind: 'off' }, promoter: { kind: 'on' } }));
  expect(all.filter(({ metadata }) => metadata.name.includes('prediction-log'))).toEqual([]);
  const gateway = find(all, 'Deployment', 'serving/inference-gateway').spec.template.spec.containers[0];
  expect(gateway?.env.map(({ name }) => name)).not.toContain('LOG_SINK_URL');
});

test('an environment that logs without what it needs is told', () => {
  const off = { kind: 'off' } as const;
  expect(mistakesOf({ serving: off, promoter: off })).toEqual([
    expect.stringContaining(
      "serving.kind: got 'off', expected 'mlserver', because predictionLog needs models to log",
    ),
  ]);
  const limits = { cpu: 1, memoryGiB: 1, storageGiB: 1, pods: 1 };
  expect(mistakesOf({ teams: [{ name: 'prediction-log', limits }] })).toContainEqual(
    expect.stringContaining("a name that isn't the platform's own"),
  );
});
