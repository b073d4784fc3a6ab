import { environments } from '../../environments/index.ts';
import { checkTree } from '../../platform/checks/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { find, manifestsOf } from '../support/manifests.ts';
import { mistakesIn } from '../support/mistakes.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly Rule[];
  readonly [field: string]: unknown;
}

const base = {
  ...environments['local'],
  grafana: { kind: 'off' },
  promoter: { kind: 'on' },
} as EnvironmentInput;

const composed = (change: Partial<EnvironmentInput> = {}) =>
  compose(parseEnvironment('promoter', { ...base, ...change }));

const mistakesOf = (change: Partial<EnvironmentInput>): readonly string[] =>
  mistakesIn('promoter', { ...base, ...change });

describe('the promoter', () => {
  const composition = composed();
  const all = manifestsOf<Manifest>(composition);

  test('makes a tree without mistakes', () => {
    expect(checkTree(composition.app)).toEqual([]);
  });

  test('may manage models in namespaces of teams, one ConfigMap of routes, and nothing else', () => {
    const roles = all.filter(({ kind, metadata }) => kind === 'Role' && metadata.name === 'plinth-promoter');
    expect(roles.map(({ metadata }) => metadata.namespace).sort()).toEqual(['serving', 'team-a', 'team-b']);
    expect(find(roles, 'Role', 'serving/plinth-promoter').rules).toEqual([
      {
        ...{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['inference-routes'] },
        verbs: ['get', 'patch'],
      },
    ]);
    const rules = find(roles, 'Role', 'team-a/plinth-promoter').rules ?? [];
    expect(rules.flatMap(({ resources }) => resources).sort()).toEqual([
      ...[
        'configmaps',
        'deployments',
        'horizontalpodautoscalers',
        'poddisruptionbudgets',
        'pods',
        'services',
      ],
    ]);
    expect(rules.find(({ resources }) => resources.includes('pods'))?.verbs).toEqual(['list']);
    expect(rules.find(({ resources }) => resources.includes('configmaps'))).toMatchObject({
      resourceNames: ['models'],
      verbs: ['get'],
    });
    const bound = all.filter(
      ({ kind, subjects }) =>
        kind.endsWith('RoleBinding') && JSON.stringify(subjects ?? '').includes('"promoter"'),
    );
    expect(bound.map(({ kind }) => kind)).toEqual(['RoleBinding', 'RoleBinding', 'RoleBinding']);
  });

  test('is held to objects with the labels of a model by the API server itself', () => {
    const policy = all.find(
      ({ kind, metadata }) => kind === 'ValidatingAdmissionPolicy' && metadata.name === 'plinth-promoter',
    ) as unknown as {
      spec: { failurePolicy: string; matchConditions: { expression: string }[] };
    };
    expect(policy.spec.failurePolicy).toBe('Fail');
    expect(policy.spec.matchConditions[0]?.expression).toContain('system:serviceaccount:serving:promoter');
  });

  test('is reached by its webhook and its API, and reaches what it asks', () => {
    const policy = JSON.stringify(find(all, 'NetworkPolicy', 'serving/promoter'));
    for (const name of ['mlflow', 'prometheus', 'postgres', 'gateway', 'inference-gateway'])
      expect([name, policy.includes(`"app.kubernetes.io/name":"${name}"`)]).toEqual([
        name,
        name !== 'inference-gateway',
      ]);
    expect(composition.exposures.map(({ name }) => name)).toContain('promoter');
  });

  test('is a member of every team at the issuer, and no administrator', () => {
    const realm = composition.app.node
      .findAll()
      .find(({ node }) => node.path === 'identity/Declaration') as unknown as {
      request: { values: { 'realm.json': { parts: { kind: string; text?: string }[] } } };
    };
    const text = realm.request.values['realm.json'].parts.map((part) => part.text ?? '…').join('');
    expect(text).toMatch(
      /"id":"promoter","kind":"machine","redirectUris":\[\],"roles":\[\],"groups":\["team-a","team-b"\]/,
    );
  });

  test("finds in every team's namespace what a predictor is: the objects that the environment would deploy", () => {
    const declared = manifestsOf<Manifest>(
      composed({
        serving: {
          kind: 'mlserver',
          models: [
            {
              name: 'delays',
              team: 'team-a',
              predictors: [{ name: 'v3', source: { kind: 'registry', model: 'delays', version: 3 } }],
            },
          ],
        },
      }),
    );
    const template = find(all, 'ConfigMap', 'team-a/models').data?.['predictors.json'] ?? '';
    const filled = JSON.parse(template.replaceAll('{{model}}', 'delays').replaceAll('{{version}}', '3')) as {
      default: Manifest[];
    };
    expect(filled.default.map(({ kind }) => kind)).toEqual(['Deployment', 'Service', 'PodDisruptionBudget']);
    for (const made of filled.default) {
      const { labels, ...metadata } = find(declared, made.kind, 'team-a/delays-v3').metadata;
      const { 'app.kubernetes.io/managed-by': _, ...own } = labels ?? {};
      expect(made).toEqual({
        ...find(declared, made.kind, 'team-a/delays-v3'),
        metadata: { ...metadata, labels: own },
      });
    }
  });

  test('keeps its hands off what the environment deploys, and gives a model its own policy and size', () => {
    const own = manifestsOf<Manifest>(
      composed({
        promoter: {
          kind: 'on',
          models: {
            delays: {
              steps: [{ kind: 'shadow', seconds: 60 }, { kind: 'approval' }],
              memoryMiB: 2048,
              scaling: { kind: 'auto', minimum: 2, maximum: 4 },
            },
          },
        },
      }),
    );
    const files = own.find(({ kind, data }) => kind === 'ConfigMap' && data?.['policies.json'] !== undefined);
    const policies = JSON.parse(files?.data?.['policies.json'] ?? '') as {
      models: Record<string, { steps: { kind: string }[] }>;
      declared: string[];
      teams: object[];
    };
    expect(policies.models['delays']?.steps.map(({ kind }) => kind)).toEqual(['shadow', 'approval']);
    expect(policies.teams).toContainEqual({ name: 'team-a', namespace: 'team-a' });
    const templates = JSON.parse(find(own, 'ConfigMap', 'team-a/models').data?.['predictors.json'] ?? '') as {
      models: Record<string, Manifest[]>;
    };
    expect(templates.models['delays']?.map(({ kind }) => kind)).toContain('HorizontalPodAutoscaler');
    expect(JSON.stringify(templates.models['delays'])).toContain('2048Mi');
  });
});

test.each([
  [{ monitoring: { kind: 'off' } }, /monitoring\.kind: got 'off', .*because promoter needs what Prometheus/],
  [{ serving: { kind: 'off' } }, /serving\.kind: got 'off', .*because promoter needs something/],
  [{ serving: { kind: 'seldon' } }, /serving\.kind: got "seldon", expected 'mlserver'/],
  [{ mlflow: { kind: 'off' } }, /mlflow\.kind: got 'off', .*because promoter needs a registry/],
] as const)('what the promoter needs is said: %j', (change, mistake) => {
  expect(mistakesOf(change as Partial<EnvironmentInput>)).toContainEqual(expect.stringMatching(mistake));
});
