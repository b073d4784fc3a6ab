import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { seldonDeploymentDefinition } from '../../constructs/serving/seldon/index.ts';
import { checkTree } from '../../platform/checks/index.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';
import type { Manifest } from '../../platform/synthesis/index.ts';
import { ManifestValidator } from '../support/manifest-validator.ts';
import { seldonEnvironment } from '../support/seldon.ts';

const composition = compose(parseEnvironment('seldon', seldonEnvironment));
const all = composition.app.charts.flatMap((chart) => chart.toJson() as Manifest[]);

interface Named {
  readonly name: string;
}
interface SeldonDeployment extends Manifest {
  readonly spec: {
    readonly protocol: string;
    readonly predictors: readonly {
      readonly name: string;
      readonly traffic: unknown;
      readonly replicas?: number;
      readonly graph: Named & { readonly type: string; readonly children?: readonly (Named & object)[] };
      readonly componentSpecs: readonly {
        readonly hpaSpec?: object;
        readonly metadata: { readonly labels: Readonly<Record<string, string>> };
        readonly spec: {
          readonly initContainers: readonly Named[];
          readonly containers: readonly (Named & { readonly ports: readonly { containerPort: number }[] })[];
        };
      }[];
    }[];
  };
}

const find = (kind: string, name: string): Manifest => {
  const found = all.find(({ kind: of, metadata }) => of === kind && metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
};
const deployment = find('SeldonDeployment', 'delays') as SeldonDeployment;

describe('a model served by Seldon Core', () => {
  const [stable, canary] = deployment.spec.predictors;

  test('is one SeldonDeployment with its predictors, weights and numbers of pods', () => {
    expect(deployment.metadata.namespace).toBe('team-a');
    expect(stable).toMatchObject({ name: 'v3', traffic: 90, replicas: 2 });
    expect(canary).toMatchObject({ name: 'v4', traffic: 10 });
    expect(canary?.replicas).toBeUndefined();
    expect(canary?.componentSpecs[0]?.hpaSpec).toEqual({
      minReplicas: 2,
      maxReplicas: 5,
      metricsv2: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
        },
      ],
    });
  });

  test('passes a transformer and then its model, each in a container of its own that is fetched first', () => {
    expect(canary?.graph).toMatchObject({
      name: 'transformer',
      type: 'TRANSFORMER',
      endpoint: { httpPort: 9000 },
      children: [{ name: 'model', type: 'MODEL', endpoint: { httpPort: 9001 } }],
    });
    const pod = canary?.componentSpecs[0]?.spec;
    expect(pod?.initContainers.map(({ name }) => name)).toEqual(['fetch-transformer', 'fetch-model']);
    expect(pod?.containers.map(({ name, ports }) => [name, ports[0]?.containerPort])).toEqual([
      ['transformer', 9000],
      ['model', 9001],
    ]);
  });

  test('has pods that the network policy of the team knows', () => {
    const { spec } = find('NetworkPolicy', 'models') as Manifest & {
      spec: { podSelector: { matchLabels: object } };
    };
    const { matchLabels } = spec.podSelector;
    expect(stable?.componentSpecs[0]?.metadata.labels).toMatchObject(matchLabels);
  });

  test('is asked by the gateway where the executor of each predictor answers', () => {
    const { data } = find('ConfigMap', 'inference-routes') as Manifest & { data: Record<string, string> };
    expect(JSON.parse(data['routes.json'] ?? '')).toMatchObject({
      models: {
        delays: {
          stable: 'v3',
          predictors: [
            { url: 'http://delays-v3.team-a.svc.cluster.local:8000', weight: 90 },
            { url: 'http://delays-v4.team-a.svc.cluster.local:8000', weight: 10 },
          ],
        },
      },
    });
  });

  test("lowers Pod Security of its team's namespace only", () => {
    const level = (name: string) => {
      const { labels } = find('Namespace', name).metadata as { labels?: Readonly<Record<string, string>> };
      return labels?.['pod-security.kubernetes.io/enforce'];
    };
    expect([level('team-a'), level('team-b'), level('seldon')]).toEqual([
      'baseline',
      'restricted',
      'restricted',
    ]);
  });
});

describe('the operator', () => {
  test('has its webhook certificate and its configuration', () => {
    const webhook = find('ValidatingWebhookConfiguration', 'plinth-seldon') as Manifest & {
      webhooks: readonly object[];
    };
    expect(webhook.webhooks).toMatchObject([
      {
        failurePolicy: 'Fail',
        clientConfig: { service: { name: 'seldon-operator', namespace: 'seldon', port: 443 } },
      },
    ]);
    const config = find('ConfigMap', 'seldon-config') as Manifest & { data: Record<string, string> };
    expect(JSON.parse(config.data['predictor_servers'] ?? '')).toMatchObject({
      MLFLOW_SERVER: { protocols: { v2: { image: expect.stringMatching(/model-server$/) } } },
    });
  });

  test('has rights that include no Secret, and changes nothing outside of the namespaces of teams', () => {
    const rulesOf = ({ rules }: Manifest) =>
      rules as readonly { resources: readonly string[]; verbs: readonly string[] }[];
    const everywhere = rulesOf(find('ClusterRole', 'plinth-seldon-operator'));
    expect([...new Set(everywhere.flatMap(({ verbs }) => verbs))].sort()).toEqual(['get', 'list', 'watch']);
    const roles = all.filter(({ kind, metadata }) => kind === 'Role' && metadata.name === 'seldon-operator');
    expect(roles.map(({ metadata }) => metadata.namespace).sort()).toEqual(['seldon', 'team-a', 'team-b']);
    const resources = [...everywhere, ...roles.flatMap(rulesOf)].flatMap((rule) => rule.resources);
    expect(resources).not.toContain('secrets');
    expect(resources).toContain('deployments');
  });

  test('is a tree without mistakes', () => {
    expect(checkTree(composition.app)).toEqual([]);
  });
});

const release = join(import.meta.dirname, '../../../shared/crds/seldondeployment-v1.json');
type Definition = {
  readonly spec: { readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: object } }[] };
};

describe('the definition', () => {
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const own = ajv.compile(seldonDeploymentDefinition.spec.versions[0].schema.openAPIV3Schema);
  const changed = (change: object): object => ({
    ...deployment,
    spec: { ...deployment.spec, predictors: [{ ...deployment.spec.predictors[0], ...change }] },
  });

  test('takes what is emitted, down to the last field', async () => {
    const validator = await ManifestValidator.for('1.35');
    expect(all.flatMap((manifest) => validator.mistakes(manifest))).toEqual([]);
  }, 600_000);

  test.each([
    ['traffic as text', { traffic: '100' }],
    ['more than all traffic', { traffic: 101 }],
    ['replicas as text', { replicas: '2' }],
    ['no graph', { graph: undefined }],
    ['a node without a name', { graph: { type: 'MODEL' } }],
    ['a node of no known type', { graph: { name: 'model', type: 'PREDICTOR' } }],
    ['a port as text', { graph: { name: 'model', endpoint: { httpPort: '9000' } } }],
    ['autoscaling without an upper bound', { componentSpecs: [{ hpaSpec: { minReplicas: 1 } }] }],
    ['resources of the orchestrator as text', { svcOrchSpec: { resources: '1Gi' } }],
  ])('refuses %s: it would stop the operator', (_, change) => {
    expect(own(deployment)).toBe(true);
    expect(own(JSON.parse(JSON.stringify(changed(change))))).toBe(false);
  });

  (existsSync(release) ? test : test.skip)('of the release takes it as well', () => {
    const { spec } = JSON.parse(readFileSync(release, 'utf8')) as Definition;
    const theirs = ajv.compile(spec.versions[0]?.schema.openAPIV3Schema ?? {});
    theirs(deployment);
    expect(theirs.errors ?? []).toEqual([]);
  });
});
