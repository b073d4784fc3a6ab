import { SecretRequest, type SecretValue } from '../../constructs/contracts/index.ts';
import { ExternalIssuer } from '../../constructs/identity/index.ts';
import { environments } from '../../environments/index.ts';
import { neededImages } from '../../lab/images/needed.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { mistakesIn } from '../support/mistakes.ts';
import { Platform } from '../support/platform.ts';

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports: readonly { readonly port: number }[];
}
interface Peer {
  readonly ipBlock?: { readonly cidr: string };
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly ingress: readonly Rule[];
    readonly egress: readonly Rule[];
    readonly template: {
      readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
      readonly spec: {
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value?: string }[];
        }[];
      };
    };
  };
}

const local = (change: Partial<EnvironmentInput> = {}) => {
  const identity: EnvironmentInput['identity'] = {
    kind: 'keycloak',
    accounts: [
      { name: 'platform-admin', groups: ['platform-admins'] },
      { name: 'scientist-a', groups: ['team-a'] },
    ],
  };
  // What asks the issuer is another test's.
  const off = { kind: 'off' } as const;
  const served = { serving: off, promoter: off, predictionLog: off };
  const others = { ...served, portal: off, notebooks: off, airflow: off, spark: off };
  const input = { ...environments['local'], ...others, identity, ...change } as EnvironmentInput;
  return compose(parseEnvironment('local', input));
};

const manifest = (composed: ReturnType<typeof compose>, kind: string, path: string): Manifest => {
  const all = composed.app.charts.flatMap((chart) => chart.toJson() as Manifest[]);
  const found = all.find(
    (each) => each.kind === kind && `${each.metadata.namespace}/${each.metadata.name}` === path,
  );
  if (found === undefined) throw new Error(`no ${kind} ${path}`);
  return found;
};

const paths = (composed: ReturnType<typeof compose>, workload: string, way: 'ingress' | 'egress') =>
  manifest(composed, 'NetworkPolicy', workload).spec[way].flatMap(({ from, to, ports }) =>
    (from ?? to ?? []).flatMap((peer) =>
      ports.map(
        ({ port }) =>
          `${peer.ipBlock?.cidr ?? peer.podSelector?.matchLabels['app.kubernetes.io/name'] ?? 'namespace'}:${port}`,
      ),
    ),
  );

const request = (composed: ReturnType<typeof compose>, namespace: string, name: string) => {
  const found = composed.app.node
    .findAll()
    .filter(SecretRequest.isSecretRequest)
    .find(({ request: each }) => each.namespace === namespace && each.name === name);
  if (found === undefined) throw new Error(`no Secret ${namespace}/${name}`);
  return found.request;
};

/** Derived values are shown as `<owner/role/generation>`. */
const shown = (value: SecretValue | undefined): string => {
  switch (value?.kind) {
    case 'text':
      return value.text;
    case 'joined':
      return value.parts.map(shown).join('');
    case 'derived':
      return `<${value.identity.owner}/${value.identity.role}/${value.identity.generation}>`;
    default:
      return `<${value?.kind}>`;
  }
};

const declared = (composed: ReturnType<typeof compose>) =>
  JSON.parse(shown(request(composed, 'identity', 'identity-realm').values['realm.json'])) as {
    readonly groups: readonly { readonly name: string }[];
    readonly clients: readonly { readonly id: string; readonly kind: string }[];
    readonly accounts: readonly object[];
  };

const mistakesOf = (change: object): readonly string[] =>
  mistakesIn('local', { ...environments['local'], notebooks: { kind: 'off' }, ...change });

describe("the platform's own Keycloak", () => {
  const composed = local();
  // Each page that signs people in brings a client of its own.
  const { clients, ...rest } = declared(local({ mlflow: { kind: 'off' } }));
  const realm = { ...rest, clients: clients.filter(({ kind }) => kind !== 'browser') };

  test('has one address, inside and outside, and is reached through the gateway; its metrics by Prometheus only', () => {
    expect(composed.exposures.find(({ name }) => name === 'id')?.url).toBe('https://id.plinth.localhost');
    const { containers } = manifest(composed, 'StatefulSet', 'identity/keycloak').spec.template.spec;
    const env = Object.fromEntries((containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
    expect(env['KC_HOSTNAME']).toBe('https://id.plinth.localhost');
    expect(paths(composed, 'identity/keycloak', 'ingress')).toEqual([
      'gateway:8080',
      'identity-sync:8080',
      'prometheus:9000',
    ]);
    expect(paths(composed, 'identity/keycloak', 'egress')).toEqual(['postgres:5432']);
    expect(paths(composed, 'identity/identity-sync', 'egress')).toEqual(['keycloak:8080']);
    expect(paths(composed, 'identity/identity-sync', 'ingress')).toEqual(['prometheus:9090']);
  });

  test('is declared with its groups, clients and accounts, sorted, their secrets only named', () => {
    // Other components ask for clients and audiences of their own.
    expect(realm).toEqual({
      realm: 'plinth',
      tokenSeconds: 120,
      groups: [
        {
          name: 'platform-admins',
          clientRoles: {
            'realm-management': ['manage-users', 'query-groups', 'query-users', 'view-realm', 'view-users'],
          },
        },
        { name: 'team-a', clientRoles: {} },
        { name: 'team-b', clientRoles: {} },
      ],
      clients: [
        expect.objectContaining({ id: 'plinth-cli', kind: 'device' }),
        {
          id: 'team-a',
          kind: 'machine',
          redirectUris: [],
          roles: [],
          groups: ['team-a'],
          audiences: expect.arrayContaining(['metrics']),
          secret: '<team-a/oidc/1>',
        },
        expect.objectContaining({ id: 'team-b', groups: ['team-b'], secret: '<team-b/oidc/1>' }),
      ],
      accounts: [
        {
          name: 'platform-admin',
          email: 'platform-admin@plinth.localhost',
          groups: ['platform-admins'],
          password: '<platform-admin/account/1>',
        },
        expect.objectContaining({ name: 'scientist-a', groups: ['team-a'] }),
      ],
    });
  });

  test('gives each team credentials of its own in its namespace, with the authority to trust', () => {
    const { values } = request(composed, 'team-a', 'team-a-oidc');
    expect(Object.entries(values).map(([key, value]) => [key, shown(value)])).toEqual([
      ['clientId', 'team-a'],
      ['clientSecret', '<team-a/oidc/1>'],
      ['issuer', 'https://id.plinth.localhost/realms/plinth'],
      ['ca.crt', '<certificate>'],
    ]);
    expect(paths(composed, 'team-a/team', 'egress')).toContain('gateway:8443');
  });

  test('tells the lab what each account signs in with', () => {
    const logins = Object.fromEntries(
      Object.entries(composed.credentials).map(([name, { username }]) => [name, shown(username)]),
    );
    expect(logins).toMatchObject({
      id: 'platform-admin',
      'id-platform-admin': 'platform-admin',
      'id-scientist-a': 'scientist-a',
    });
  });

  test('starts after its database; identity-sync starts after it, and again for every other declaration', () => {
    const annotations = (of: ReturnType<typeof compose>) =>
      manifest(of, 'StatefulSet', 'identity/identity-sync').spec.template.metadata.annotations;
    const now = annotations(composed);
    expect(annotations(local({ teams: [{ name: 'team-a' }] }))).not.toEqual(now);
    expect(annotations(local({ generations: { 'team-a/token': 2 } }))).not.toEqual(now);
    expect(annotations(local({ generations: { 'scientist-a/password': 2 } }))).not.toEqual(now);
    const sync = composed.app.node.findAll().find(({ node }) => node.path === 'identity/Sync/StatefulSet');
    expect(sync?.node.dependencies.map(({ node }) => node.path)).toEqual(
      expect.arrayContaining(['identity/Server/StatefulSet', 'identity/Declaration']),
    );
  });

  test('keeps the secret of its administrator before a rotation, to set the present one with', () => {
    const { values } = request(
      local({ generations: { 'identity/administrator': 3 } }),
      'identity',
      'identity-administrator',
    );
    expect(Object.values(values).map(shown)).toEqual([
      '<identity/administrator/3>',
      '<identity/administrator/2>',
    ]);
  });
});

describe("somebody else's issuer", () => {
  test('is only named: its path is opened, its clients are there before', () => {
    const platform = new Platform();
    const issuer = new ExternalIssuer({ url: 'https://sso.example.com/realms/ml', cidr: '10.9.0.0/28' });
    const consumer = platform.workload('hub');
    const client = issuer.client(consumer, { clientId: 'hub', generation: 1, redirectUris: [] });
    expect(client).toMatchObject({ issuer: 'https://sso.example.com/realms/ml', clientId: 'hub' });
    expect(client.authority).toBeUndefined();
    expect(platform.request('hub-oidc').source).toBe('preCreated');
    expect(consumer.connections.egress).toEqual([
      { peer: { kind: 'addresses', cidr: '10.9.0.0/28' }, ports: [443] },
    ]);
  });
});

test('an environment without an issuer has none', () => {
  const composed = local({ identity: { kind: 'off' }, grafana: { kind: 'off' } });
  expect(composed.exposures.map(({ name }) => name)).not.toContain('id');
  expect(() => request(composed, 'team-a', 'team-a-oidc')).toThrow();
});

test('accounts are of groups that there are, each once; an own Keycloak needs a database and an address', () => {
  const accounts = [
    { name: 'one', groups: ['team-x'] },
    { name: 'one', groups: [] },
  ];
  expect(mistakesOf({ identity: { kind: 'keycloak', accounts } })).toEqual([
    expect.stringMatching(
      /identity\.accounts\.0\.groups: got "team-x", expected one of platform-admins, team-a, team-b/,
    ),
    expect.stringMatching(
      /identity\.accounts\.1\.name: got "one", expected a name that no other account has/,
    ),
  ]);
  const off = { kind: 'off' };
  const bare = {
    identity: { kind: 'keycloak' },
    postgres: off,
    gateway: off,
    mlflow: off,
    airflow: off,
    notebooks: off,
    spark: off,
    promoter: off,
    serving: off,
    predictionLog: off,
    portal: off,
    registry: off,
    teams: [],
  };
  expect(mistakesOf(bare)).toEqual([
    expect.stringContaining('because identity needs a database'),
    expect.stringContaining('because identity needs an address'),
  ]);
  expect(
    mistakesOf({ identity: { kind: 'external', issuer: 'https://sso.example.com/', cidr: '10.0.0.0/8' } }),
  ).toEqual([expect.stringContaining('identity.issuer')]);
});

test('the images of what an environment has switched off are not built for it', () => {
  expect(neededImages()).toEqual(expect.arrayContaining(['mlflow', 'postgres', 'traefik']));
  expect(neededImages()).not.toContain('base');
  const { identity } = parseEnvironment('local', environments['local']);
  expect(neededImages().includes('keycloak')).toBe(identity.kind === 'keycloak');
  expect(neededImages('production')).toEqual(['inference-gateway', 'mlflow', 'model-server']);
});
