import { environments } from '../../environments/index.ts';
import { checkTree } from '../../platform/checks/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { find, manifestsOf } from '../support/manifests.ts';
import { mistakesIn } from '../support/mistakes.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly Rule[];
  readonly spec?: unknown;
  readonly [field: string]: unknown;
}
interface Tool {
  readonly title: string;
  readonly url: string;
  readonly audience: unknown;
  readonly workload: { readonly namespace: string; readonly name: string };
}

const base = { ...environments['local'], portal: { kind: 'on' } } as EnvironmentInput;
const composed = (change: Partial<EnvironmentInput> = {}) =>
  compose(parseEnvironment('portal', { ...base, ...change }));

const mistakesOf = (change: Partial<EnvironmentInput>): readonly string[] =>
  mistakesIn('portal', { ...base, ...change });

const platformFile = (all: readonly Manifest[]) =>
  JSON.parse(find(all, 'ConfigMap', 'portal/portal').data?.['platform.json'] ?? '') as {
    readonly namespaces: readonly string[];
    readonly teams: readonly object[];
    readonly tools: readonly Tool[];
    readonly documentation: readonly { readonly title: string; readonly url: string }[];
  };

const environmentOf = (all: readonly Manifest[], deployment: string): Readonly<Record<string, unknown>> => {
  const { spec } = find(all, 'Deployment', deployment) as unknown as {
    readonly spec: {
      readonly template: {
        readonly spec: {
          readonly containers: readonly { readonly env: readonly { name: string; value?: string }[] }[];
        };
      };
    };
  };
  return Object.fromEntries(
    (spec.template.spec.containers[0]?.env ?? []).map(({ name, ...from }) => [name, from.value ?? from]),
  );
};

describe('the portal', () => {
  const composition = composed();
  const all = manifestsOf<Manifest>(composition);

  test('makes a tree without mistakes', () => {
    expect(checkTree(composition.app)).toEqual([]);
  });

  test('answers at the domain itself, and at no name below it', () => {
    const { spec } = find(all, 'HTTPRoute', 'portal/portal');
    expect(spec).toMatchObject({ hostnames: ['plinth.localhost'] });
    const exposure = composition.exposures.find(({ name }) => name === 'portal');
    expect(exposure?.url).toBe('https://plinth.localhost');
  });

  test('lists what it shows, stops Spark sessions of teams, and may nothing else', () => {
    const roles = all.filter(({ kind, metadata }) => kind === 'Role' && metadata.name === 'plinth-portal');
    const rights = (namespace: string): readonly string[] =>
      (find(roles, 'Role', `${namespace}/plinth-portal`).rules ?? [])
        .flatMap(({ resources, verbs }) =>
          resources.flatMap((each) => verbs.map((verb) => `${verb} ${each}`)),
        )
        .sort();
    const health = ['list deployments', 'list jobs', 'list pods', 'list statefulsets'];
    for (const team of ['team-a', 'team-b'])
      expect(rights(team)).toEqual(['delete pods', ...health, 'list resourcequotas'].sort());
    const platform = roles
      .map(({ metadata }) => metadata.namespace ?? '')
      .filter((each) => !each.startsWith('team-'));
    for (const namespace of platform) expect(rights(namespace)).toEqual(health);
    expect(platform).toEqual(expect.arrayContaining(['mlflow', 'identity', 'data', 'portal']));
    const bound = all.filter(
      ({ kind, subjects }) =>
        kind.endsWith('RoleBinding') && JSON.stringify(subjects ?? '').includes('"portal"'),
    );
    expect([...new Set(bound.map(({ kind }) => kind))]).toEqual(['RoleBinding']);
    expect(bound).toHaveLength(roles.length);
  });

  test('is held to pods of Spark sessions by the API server itself', () => {
    const policy = all.find(
      ({ kind, metadata }) => kind === 'ValidatingAdmissionPolicy' && metadata.name === 'plinth-portal',
    );
    expect(policy?.spec).toMatchObject({
      failurePolicy: 'Fail',
      matchConditions: [{ expression: "request.userInfo.username == 'system:serviceaccount:portal:portal'" }],
      matchConstraints: { resourceRules: [{ operations: ['DELETE'], resources: ['pods'] }] },
    });
    const binding = all.find(
      ({ kind, metadata }) =>
        kind === 'ValidatingAdmissionPolicyBinding' && metadata.name === 'plinth-portal',
    );
    expect(binding?.spec).toMatchObject({ validationActions: ['Deny'] });
  });

  test('where there is no Spark it may delete no pod', () => {
    const without = manifestsOf<Manifest>(composed({ spark: { kind: 'off' } }));
    const rules = find(without, 'Role', 'team-a/plinth-portal').rules ?? [];
    expect(rules.flatMap(({ verbs }) => verbs)).not.toContain('delete');
    expect(
      without.some(
        ({ kind, metadata }) => kind.startsWith('Validating') && metadata.name === 'plinth-portal',
      ),
    ).toBe(false);
  });

  test('reaches the gateway and Kubernetes, and is reached by the gateway and Prometheus', () => {
    const { spec } = find(all, 'NetworkPolicy', 'portal/portal') as unknown as {
      readonly spec: { readonly egress: readonly object[]; readonly ingress: readonly object[] };
    };
    const peers = (rules: readonly object[]) =>
      [...JSON.stringify(rules).matchAll(/"app\.kubernetes\.io\/name":"([^"]+)"|"cidr":"([^"]+)"/g)].map(
        ([, name, cidr]) => name ?? cidr,
      );
    expect(peers(spec.egress)).toEqual(['10.204.0.1/32', 'gateway']);
    expect(peers(spec.ingress)).toEqual(['gateway', 'prometheus']);
  });

  test("asks in people's names: their tokens count where they are asked, and nowhere else", () => {
    const realm = composition.app.node
      .findAll()
      .find(({ node }) => node.path === 'identity/Declaration') as unknown as {
      request: { values: { 'realm.json': { parts: { text?: string }[] } } };
    };
    const text = realm.request.values['realm.json'].parts.map((part) => part.text ?? '…').join('');
    expect(text).toContain(
      '"id":"portal","kind":"browser","redirectUris":["https://plinth.localhost/","https://plinth.localhost/sign-in/callback"],' +
        '"roles":[],"groups":[],"audiences":["airflow","metrics","mlflow","promoter"]',
    );
  });

  test('has a token at the hub that reads and stops servers, and no more', () => {
    const files = find(all, 'ConfigMap', 'jupyterhub/jupyterhub').data?.['platform.json'] ?? '';
    expect((JSON.parse(files) as { services: object[] }).services).toEqual([
      { name: 'portal', scopes: ['read:users:name', 'read:servers', 'delete:servers'] },
    ]);
    const off = manifestsOf<Manifest>(composed({ portal: { kind: 'off' } }));
    const without = find(off, 'ConfigMap', 'jupyterhub/jupyterhub').data?.['platform.json'] ?? '';
    expect((JSON.parse(without) as { services: object[] }).services).toEqual([]);
  });

  test('is told of what there is, and who may use it', () => {
    const { tools, namespaces, teams } = platformFile(all);
    expect(tools.map(({ title, audience }) => [title, audience])).toEqual([
      ['Notebooks', 'everybody'],
      ['MLflow', 'everybody'],
      ['Airflow', 'everybody'],
      ['Grafana', 'everybody'],
      ['Prometheus', 'administrators'],
      ['Alertmanager', 'administrators'],
      ['Spark history', { team: 'team-a' }],
      ['Spark history', { team: 'team-b' }],
    ]);
    const workloads = all.filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind));
    const there = workloads.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    for (const { workload } of tools) expect(there).toContain(`${workload.namespace}/${workload.name}`);
    expect(teams).toEqual([
      { name: 'team-a', namespace: 'team-a' },
      { name: 'team-b', namespace: 'team-b' },
    ]);
    expect(namespaces).not.toContain('team-a');
  });

  test("leads to a team's Spark history, whatever the team is called", () => {
    const named = composed({ teams: [...(base.teams ?? []), { name: 'red' }] });
    const { tools } = platformFile(manifestsOf<Manifest>(named));
    const red = tools.find(({ audience }) => JSON.stringify(audience) === '{"team":"red"}');
    expect(red).toMatchObject({ title: 'Spark history', url: 'https://spark-red.plinth.localhost' });
  });

  test('shows less where there is less', () => {
    const off = { kind: 'off' } as const;
    const few = manifestsOf<Manifest>(
      composed({
        notebooks: off,
        airflow: off,
        promoter: off,
        monitoring: off,
        grafana: off,
        spark: off,
        predictionLog: off,
      }),
    );
    expect(platformFile(few).tools.map(({ title }) => title)).toEqual(['MLflow']);
    const variables = Object.keys(environmentOf(few, 'portal/portal'));
    expect(variables.filter((name) => name.endsWith('_URL'))).toEqual(['PUBLIC_URL', 'MLFLOW_URL']);
    expect(variables).not.toContain('HUB_TOKEN');
    expect(Object.keys(environmentOf(all, 'portal/portal'))).toEqual(
      expect.arrayContaining([
        'HUB_URL',
        'AIRFLOW_URL',
        'PROMOTER_URL',
        'METRICS_URL',
        'PROMETHEUS_URL',
        'HUB_TOKEN',
      ]),
    );
  });

  test("an environment's own documentation comes first", () => {
    const own = { title: 'How we work', url: 'https://wiki.example.com/ml' };
    const told = manifestsOf<Manifest>(composed({ portal: { kind: 'on', documentation: [own] } }));
    expect(platformFile(told).documentation[0]).toEqual(own);
  });
});

test.each([
  [{ identity: { kind: 'off' } }, /identity\.kind: got 'off', .*because portal needs to know who looks/],
  [{ gateway: { kind: 'off' } }, /gateway\.kind: got 'off', .*because portal needs an address/],
  [
    { portal: { kind: 'on', documentation: [{ title: 'x', url: 'javascript:alert(1)' }] } },
    /portal\.documentation\.0\.url: .*an https address/,
  ],
] as const)('what the portal needs is said: %j', (change, mistake) => {
  expect(mistakesOf(change as Partial<EnvironmentInput>)).toContainEqual(expect.stringMatching(mistake));
});
