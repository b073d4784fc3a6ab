import { environments } from '../../environments/index.ts';
import { checkTree } from '../../platform/checks/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { find, manifestsOf } from '../support/manifests.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly {
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
  }[];
  readonly subjects?: readonly object[];
  readonly spec?: {
    readonly matchConditions?: readonly { readonly expression: string }[];
    readonly validations?: readonly { readonly expression: string }[];
  };
}

const base = {
  ...environments['local'],
  grafana: { kind: 'off' },
  promoter: { kind: 'off' },
} as EnvironmentInput;
const composed = (change: Partial<EnvironmentInput> = {}) =>
  compose(parseEnvironment('by-hand', { ...base, ...change }));
const of = (change: Partial<EnvironmentInput> = {}) => manifestsOf<Manifest>(composed(change));

const policy = (all: readonly Manifest[], name: string) =>
  all.find(({ kind, metadata }) => kind === 'ValidatingAdmissionPolicy' && metadata.name === name)?.spec;

/** Where the gateway looks for routes of teams; undefined: nowhere. */
const watched = (all: readonly Manifest[]): unknown => {
  const text = JSON.stringify(find(all, 'Deployment', 'serving/inference-gateway'));
  const found = /"name":"TEAM_ROUTES","value":("(?:[^"\\]|\\.)*")/.exec(text)?.[1];
  return found === undefined ? undefined : JSON.parse(JSON.parse(found) as string);
};

describe('models that teams deploy by hand', () => {
  const all = of();

  test('need no promoter, and make a tree without mistakes', () => {
    expect(checkTree(composed().app)).toEqual([]);
  });

  test("are made by the identity of the team's notebooks and DAG tasks, in its own namespace, and nothing else is", () => {
    const role = find(all, 'Role', 'team-a/models-by-hand');
    expect(
      role.rules?.map(({ resources, resourceNames = ['any'] }) => [resources[0], resourceNames[0]]),
    ).toEqual([
      ['deployments', 'any'],
      ['services', 'any'],
      ['poddisruptionbudgets', 'any'],
      ['horizontalpodautoscalers', 'any'],
      ['configmaps', 'models'],
      ['configmaps', 'model-routes'],
    ]);
    expect(role.rules?.at(-1)?.verbs).toEqual(['get', 'patch']);
    expect(find(all, 'RoleBinding', 'team-a/models-by-hand').subjects).toEqual([
      { kind: 'ServiceAccount', name: 'spark-client', namespace: 'team-a' },
    ]);
  });

  test('are held to objects of models by the API server, and Services to pods of the team', () => {
    const models = policy(all, 'plinth-models-by-hand-team-a');
    expect(models?.matchConditions?.[0]?.expression).toBe(
      "request.userInfo.username == 'system:serviceaccount:team-a:spark-client'",
    );
    const rules = JSON.stringify(models?.validations);
    for (const part of ["== 'hand'", "serviceAccountName == 'models'", 'model-server'])
      expect(rules).toContain(part);
    const services = policy(all, 'plinth-own-services-team-a');
    expect(services?.matchConditions?.[0]?.expression).toBe("request.namespace == 'team-a'");
    expect(services?.validations?.[0]?.expression).toContain("!= 'ExternalName'");
    expect(services?.validations?.[1]?.expression).toContain('externalIPs.size() == 0');
  });

  test('are routed by a ConfigMap of their namespace, which the gateway may watch and nothing else there', () => {
    expect(find(all, 'ConfigMap', 'team-a/model-routes').data).toBeUndefined();
    expect(watched(all)).toEqual({ 'team-a': 'team-a', 'team-b': 'team-b' });
    expect(find(all, 'Role', 'team-a/inference-gateway').rules).toEqual([
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['model-routes'], verbs: ['watch'] },
    ]);
  });

  test("have the platform's template without the promoter, under names that are not the promoter's", () => {
    const text = find(all, 'ConfigMap', 'team-a/models').data?.['predictors.json'] ?? '';
    // As sdk/python/src/plinth/_serve.py fills it in.
    const filled = JSON.parse(
      text
        .replaceAll('v{{version}}', 'h{{version}}')
        .replaceAll('{{model}}', 'delays')
        .replaceAll('{{version}}', '3'),
    ) as { default: Manifest[] };
    expect(filled.default.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'Deployment delays-h3',
      'Service delays-h3',
      'PodDisruptionBudget delays-h3',
    ]);
    const rest = JSON.stringify(filled.default);
    expect(rest).toContain('models:/delays/3');
    expect(rest).not.toMatch(/v3|\{\{/);
  });

  test.each<[string, Partial<EnvironmentInput>]>([
    ['an environment that says so', { serving: { kind: 'mlserver', byHand: false } }],
    ['one without Spark', { spark: { kind: 'off' } }],
    ['one without a registry', { mlflow: { kind: 'off' } }],
  ])('are not to be had in %s', (_, change) => {
    const without = of(change);
    expect(without.filter(({ metadata }) => /by-hand|model-routes|own-services/.test(metadata.name))).toEqual(
      [],
    );
    expect(watched(without)).toBeUndefined();
  });
});

describe('an outlier model', () => {
  const outliers = { model: 'far', sample: 0.5 };

  test('is named in the route of a model of the environment', () => {
    const predictors = [{ name: 'v1', source: { kind: 'registry' as const, model: 'delays', version: 1 } }];
    const all = of({
      serving: { kind: 'mlserver', models: [{ name: 'delays', team: 'team-a', predictors, outliers }] },
    });
    const { models } = JSON.parse(
      find(all, 'ConfigMap', 'serving/inference-routes').data?.['routes.json'] ?? '',
    ) as {
      models: Readonly<Record<string, { outliers?: object }>>;
    };
    expect(models['delays']?.outliers).toEqual(outliers);
  });

  test("is named in a model's policy, by which the promoter routes", () => {
    const all = of({ promoter: { kind: 'on', models: { delays: { outliers } } } });
    const files = all.find(({ data }) => data?.['policies.json'] !== undefined);
    const policies = JSON.parse(files?.data?.['policies.json'] ?? '') as {
      default: object;
      models: Readonly<Record<string, { outliers?: object }>>;
    };
    expect(policies.models['delays']?.outliers).toEqual(outliers);
    expect(policies.default).not.toHaveProperty('outliers');
  });
});
