import { Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-27';
import { image } from '../../constructs/catalogue/index.ts';
import { type Probe, podSpec } from '../../constructs/kit/index.ts';
import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';
import { type Manifest, synthesize } from '../../platform/synthesis/index.ts';

interface Constraint {
  readonly topologyKey: string;
  readonly whenUnsatisfiable: string;
}
interface Workload {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly topologySpreadConstraints?: readonly Constraint[];
        readonly containers: readonly {
          readonly name: string;
          readonly readinessProbe?: k8s.Probe;
          readonly livenessProbe?: k8s.Probe;
        }[];
      };
    };
  };
}

const workloadsOf = (environment: string, ...kinds: readonly string[]): readonly Workload[] =>
  synthesize(compose(parseEnvironment(environment, environments[environment])).app)
    .flatMap(({ objects }) => objects.map(({ manifest }) => manifest))
    .filter(({ kind }: Manifest) => kinds.includes(kind)) as unknown as readonly Workload[];

test.each(Object.keys(environments))(
  'every Job of %s that failed is made anew by the next update',
  (name) => {
    const jobs = workloadsOf(name, 'Job');
    expect(jobs.length).toBeGreaterThan(0);
    for (const { metadata } of jobs) expect(metadata.annotations?.['pulumi.com/replaceUnready']).toBe('true');
  },
);

describe('a container', () => {
  const probesOf = (probe: Probe) =>
    k8s.KubePod.manifest({
      spec: podSpec(
        { serviceAccount: 'tried' },
        [
          {
            name: 'main',
            image: image('mlflow'),
            size: { cpu: Cpu.millis(10), memory: Size.mebibytes(16) },
            probe,
          },
        ],
        {},
      ),
    }).spec.containers[0];

  test('is asked the same for readiness and liveness, the latter a third as often', () => {
    const { readinessProbe, livenessProbe } = probesOf({ kind: 'http', port: 80, path: '/health' });
    expect(readinessProbe).toEqual({
      httpGet: { path: '/health', port: 80 },
      periodSeconds: 10,
      timeoutSeconds: 5,
    });
    expect(livenessProbe).toEqual({ ...readinessProbe, periodSeconds: 30, failureThreshold: 5 });
  });

  test('is asked something else for liveness where the answer depends on others', () => {
    const { startupProbe, readinessProbe, livenessProbe } = probesOf({
      kind: 'http',
      port: 80,
      path: '/ready',
      liveness: { kind: 'command', command: ['alive'] },
    });
    for (const probe of [startupProbe, readinessProbe])
      expect(probe).toMatchObject({ httpGet: { path: '/ready' }, timeoutSeconds: 5 });
    expect(livenessProbe).toEqual({
      exec: { command: ['alive'] },
      periodSeconds: 30,
      failureThreshold: 5,
      timeoutSeconds: 10,
    });
  });
});

test("a database's outage restarts nothing that merely uses it", () => {
  const containers = workloadsOf('local', 'Deployment', 'StatefulSet').flatMap(
    ({ spec }) => spec.template.spec.containers,
  );
  const liveness = (name: string) => containers.find((each) => each.name === name)?.livenessProbe;
  for (const name of ['promoter', 'portal', 'prediction-log', 'inference-gateway', 'identity-sync'])
    expect([name, liveness(name)?.httpGet]).toEqual([name, { path: '/healthz', port: 9090 }]);
  expect(liveness('keycloak')?.httpGet).toEqual({ path: '/health/live', port: 9000 });
  for (const name of ['scheduler', 'dag-processor'])
    expect(liveness(name)?.exec?.command).toContain('--unless-database-is-down');
});

test.each(Object.keys(environments))('what %s spreads at all is spread over zones and nodes', (name) => {
  for (const { spec } of workloadsOf(name, 'Deployment', 'StatefulSet')) {
    const constraints = spec.template.spec.topologySpreadConstraints ?? [];
    if (constraints.length > 0)
      expect(
        constraints.map(({ topologyKey, whenUnsatisfiable }) => [topologyKey, whenUnsatisfiable]),
      ).toEqual([
        ['topology.kubernetes.io/zone', 'ScheduleAnyway'],
        ['kubernetes.io/hostname', 'ScheduleAnyway'],
      ]);
  }
});
