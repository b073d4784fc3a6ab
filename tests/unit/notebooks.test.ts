import { runTimeData, SecretRequest, type SecretValue } from '../../constructs/contracts/index.ts';
import { environments } from '../../environments/index.ts';
import { neededImages } from '../../lab/images/needed.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { mistakesIn } from '../support/mistakes.ts';

interface Peer {
  readonly ipBlock?: { readonly cidr: string };
  readonly namespaceSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports: readonly { readonly port: number }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
  readonly spec: {
    readonly ingress: readonly Rule[];
    readonly egress: readonly Rule[];
    readonly accessModes: readonly string[];
    readonly replicas: number;
  };
}

const on: EnvironmentInput = {
  domain: 'ml.example.com',
  kubernetes: { api: { cidr: '10.0.0.1/32' } },
  identity: { kind: 'keycloak' },
  monitoring: { kind: 'on' },
  notebooks: { kind: 'on' },
  teams: [{ name: 'team-a' }, { name: 'red' }],
};

const composed = (change: Partial<EnvironmentInput> = {}) =>
  compose(parseEnvironment('notebooks', { ...on, ...change }));

const manifests = ({ app }: ReturnType<typeof compose>): readonly Manifest[] =>
  app.charts.flatMap((chart) => chart.toJson() as Manifest[]);

const one = (all: readonly Manifest[], kind: string, path: string): Manifest => {
  const found = all.find(
    (each) => each.kind === kind && `${each.metadata.namespace}/${each.metadata.name}` === path,
  );
  if (found === undefined) throw new Error(`no ${kind} ${path}`);
  return found;
};

const paths = (all: readonly Manifest[], workload: string, way: 'ingress' | 'egress'): readonly string[] =>
  one(all, 'NetworkPolicy', workload).spec[way].flatMap(({ from, to, ports }) =>
    (from ?? to ?? []).flatMap(({ ipBlock, namespaceSelector, podSelector }) =>
      ports.map(({ port }) => {
        const namespace = namespaceSelector?.matchLabels['kubernetes.io/metadata.name'];
        const pod = podSelector?.matchLabels['app.kubernetes.io/name'];
        return `${ipBlock?.cidr ?? [namespace, pod].filter(Boolean).join('/')}:${port}`;
      }),
    ),
  );

interface Told {
  readonly podLabels: Readonly<Record<string, string>>;
  readonly serversPerPerson: number;
  readonly images: readonly { readonly image: string }[];
  readonly teams: readonly {
    readonly name: string;
    readonly namespace: string;
    readonly sizes: readonly string[];
    readonly accelerators: readonly string[];
    readonly env: Readonly<Record<string, unknown>>;
    readonly mounts: readonly { readonly mountPath: string }[];
  }[];
}

const told = (all: readonly Manifest[]): Told =>
  JSON.parse(one(all, 'ConfigMap', 'jupyterhub/jupyterhub').data?.['platform.json'] ?? '') as Told;

const mistakesOf = (change: Partial<EnvironmentInput>): readonly string[] =>
  mistakesIn('broken', { ...on, ...change });

describe('notebooks', () => {
  const all = manifests(composed());

  test("a person's server reaches the hub, and hub and proxy reach it: what the team may reach is the team's", () => {
    expect(paths(all, 'team-a/notebook', 'egress')).toEqual(['jupyterhub/hub:8081']);
    expect(paths(all, 'team-a/notebook', 'ingress')).toEqual([
      'jupyterhub/hub:8888',
      'jupyterhub/hub-proxy:8888',
    ]);
    expect(paths(all, 'team-a/team', 'egress')).toEqual(
      expect.arrayContaining(['data/object-store:8333', 'gateway/gateway:8443']),
    );
  });

  test('the proxy is reached through the gateway; its API, which sets routes, by the hub alone', () => {
    expect(paths(all, 'jupyterhub/hub-proxy', 'ingress')).toEqual([
      'gateway/gateway:8000',
      'jupyterhub/hub:8001',
      'monitoring/prometheus:8002',
    ]);
  });

  test('the hub makes and removes pods of teams, claims volumes, and reads no Secret', () => {
    const rules = one(all, 'Role', 'team-red/plinth-hub').rules.map(({ resources, verbs }) => [
      resources,
      verbs,
    ]);
    expect(rules).toEqual([
      [['pods'], ['get', 'list', 'watch', 'create', 'delete']],
      [['events'], ['get', 'list', 'watch']],
      [['persistentvolumeclaims'], ['get', 'create']],
    ]);
    expect(all.filter(({ kind, metadata }) => kind === 'ClusterRole' && /hub/.test(metadata.name))).toEqual(
      [],
    );
  });

  test("the labels that the hub gives to servers are those that the policy of a team's servers selects", () => {
    const { podSelector } = one(all, 'NetworkPolicy', 'team-a/notebook').spec as unknown as {
      podSelector: { matchLabels: unknown };
    };
    expect(told(all).podLabels).toEqual(podSelector.matchLabels);
  });

  test("namespaces of teams say that people's homes are made in them, and no others do", () => {
    const holding = all.flatMap(({ kind, metadata }) => {
      const data = runTimeData(metadata);
      return kind === 'Namespace' && data.length > 0 ? [[metadata.name, data]] : [];
    });
    expect(holding).toEqual([
      ['team-a', ['homes']],
      ['team-red', ['homes']],
    ]);
  });

  test("each team's servers have its bucket and its authority", () => {
    const [a, red] = told(all).teams;
    expect(red).toMatchObject({ name: 'red', namespace: 'team-red' });
    expect(red?.env['AWS_ACCESS_KEY_ID']).toMatchObject({
      valueFrom: { secretKeyRef: { name: 'red-bucket-red', key: 'accessKeyId' } },
    });
    expect(a?.mounts.map(({ mountPath }) => mountPath)).toContain('/etc/plinth/authority');
  });

  test('sizes, accelerators and servers differ by team where the environment says so', () => {
    const limited = told(
      manifests(
        composed({
          notebooks: {
            kind: 'on',
            accelerators: [{ name: 'gpu', resource: 'nvidia.com/gpu' }],
            teams: { red: { sizes: ['small'], accelerators: [], servers: 5 } },
          },
        }),
      ),
    );
    expect(limited.teams.map(({ sizes, accelerators }) => [sizes, accelerators])).toEqual([
      [
        ['small', 'medium', 'large'],
        ['none', 'gpu'],
      ],
      [['small'], ['none']],
    ]);
    expect(limited.serversPerPerson).toBe(5);
  });

  test('a shared volume is for several nodes unless the environment has but one', () => {
    const claim = (acrossNodes?: boolean) =>
      one(
        manifests(composed({ notebooks: { kind: 'on', shared: { storageGiB: 5, acrossNodes } } })),
        'PersistentVolumeClaim',
        'team-a/shared',
      ).spec.accessModes;
    expect([claim(), claim(false)]).toEqual([['ReadWriteMany'], ['ReadWriteOnce']]);
  });

  test('a new generation of keys encrypts with a new key, and still reads what former ones encrypted', () => {
    const keysOf = (generation: number): SecretValue | undefined => {
      const { app } = composed({ generations: { 'notebooks/keys': generation } });
      const requests = app.node.findAll().filter(SecretRequest.isSecretRequest);
      return requests.find(({ request }) => request.name === 'jupyterhub-keys')?.request.values['cryptKeys'];
    };
    const shown = (value: SecretValue | undefined): readonly (string | number)[] =>
      value?.kind === 'joined'
        ? value.parts.flatMap(shown)
        : value?.kind === 'derived'
          ? [value.identity.generation]
          : value?.kind === 'text'
            ? [value.text]
            : [];
    expect(shown(keysOf(1))).toEqual([1]);
    expect(shown(keysOf(3))).toEqual([3, ';', 2, ';', 1]);
  });

  test('the image of servers is one that a lab must have, though no manifest runs it', () => {
    if (environments['local']?.notebooks?.kind === 'on') expect(neededImages()).toContain('notebook');
    expect(told(all).images).toEqual([
      expect.objectContaining({ image: expect.stringMatching(/\/notebook:/) }),
    ]);
  });

  test('need a database, an address, to know who is who, and a team', () => {
    const off = { kind: 'off' } as const;
    const mistakes = mistakesOf({ identity: off, gateway: off, mlflow: off, postgres: off, teams: [] });
    expect(mistakes).toEqual([
      expect.stringMatching(/postgres\.kind: .* because notebooks need a database/),
      expect.stringMatching(/gateway\.kind: .* because notebooks need an address/),
      expect.stringMatching(/identity\.kind: .* because notebooks need to know who is who/),
      expect.stringMatching(/teams: got none, expected at least one/),
    ]);
  });

  test('name only what there is', () => {
    const notebooks: EnvironmentInput['notebooks'] = {
      kind: 'on',
      sizes: [
        { name: 'small', cpu: 1, memoryGiB: 2 },
        { name: 'small', cpu: 2, memoryGiB: 4 },
      ],
      teams: { blue: {}, red: { sizes: ['huge'], accelerators: ['gpu'] } },
    };
    expect(mistakesOf({ notebooks })).toEqual([
      expect.stringMatching(/notebooks\.sizes: got "small" twice/),
      expect.stringMatching(/notebooks\.teams: got "blue", expected one of team-a, red/),
      expect.stringMatching(/notebooks\.teams\.red\.sizes: got "huge", expected one of small/),
      expect.stringMatching(/notebooks\.teams\.red\.accelerators: got "gpu", expected nothing/),
    ]);
  });
});
