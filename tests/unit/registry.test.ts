import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretRequest } from '../../constructs/contracts/index.ts';
import { environments } from '../../environments/index.ts';
import { trustRegistry } from '../../lab/kubernetes/registries.ts';
import { unready } from '../../lab/workloads.ts';
import { compose } from '../../platform/compose.ts';
import { resolveSecret } from '../../platform/secrets.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { synthesize } from '../../platform/synthesis/index.ts';
import { find, manifestsOf } from '../support/manifests.ts';
import { mistakesIn } from '../support/mistakes.ts';
import { buildJudge, podTemplates, refusals } from '../support/pod-security.ts';

const line = (name: string, version = '1.0'): string => `${name}==${version} --hash=sha256:${'a'.repeat(64)}`;

const on: EnvironmentInput = {
  domain: 'ml.example.com',
  kubernetes: { api: { cidr: '10.0.0.1/32' } },
  identity: { kind: 'keycloak' },
  notebooks: { kind: 'on' },
  registry: { kind: 'on' },
  teams: [{ name: 'team-a', images: [{ name: 'geo', requirements: [line('shapes')] }] }, { name: 'red' }],
};

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data: Readonly<Record<string, string>>;
  readonly rules: readonly object[];
}

const composed = (change: Partial<EnvironmentInput> = {}) =>
  compose(parseEnvironment('registry', { ...on, ...change }));
const manifests = (change: Partial<EnvironmentInput> = {}): readonly Manifest[] =>
  manifestsOf<Manifest>(composed(change));
/** The Job that builds an image of team-a's: its name carries a hash. */
const buildOf = (all: readonly Manifest[], image: string): Manifest => {
  const found = all.find(
    ({ kind, metadata }) => kind === 'Job' && metadata.name.startsWith(`image-${image}-`),
  );
  if (found === undefined) throw new Error(`no Job that builds ${image}`);
  return found;
};

/** What a Secret says, with a root secret of the test's. */
const secret = (name: string, change: Partial<EnvironmentInput> = {}): Readonly<Record<string, string>> => {
  const requests = composed(change).app.node.findAll().filter(SecretRequest.isSecretRequest);
  const found = requests.find(({ request }) => request.name === name);
  if (found === undefined) throw new Error(`no Secret ${name}`);
  const sources = {
    rootSecret: 'x'.repeat(32),
    configured: () => '',
    certificate: () => '',
  };
  return Object.fromEntries(
    Object.entries(found.request.values).map(([key, value]) => [key, resolveSecret(value, sources)]),
  );
};

describe("a team's notebook image", () => {
  const all = manifests();
  const job = buildOf(all, 'geo');

  test('is built by pods that restricted admits, in the namespace of its team', async () => {
    const templates = podTemplates(synthesize(composed().app)).filter(({ path }) => /image/.test(path));
    expect(templates.map(({ level }) => level)).toEqual(['restricted']);
    expect(await refusals(await buildJudge(), templates)).toEqual([]);
  }, 900_000);

  test('is built again when its requirements change, and then only', () => {
    expect(buildOf(manifests(), 'geo').metadata.name).toBe(job.metadata.name);
    const changed = [{ name: 'team-a', images: [{ name: 'geo', requirements: [line('shapes', '2.0')] }] }];
    const other = manifests({ teams: changed });
    expect(buildOf(other, 'geo').metadata.name).not.toBe(job.metadata.name);
    const content = (each: readonly Manifest[]) =>
      find(each, 'ConfigMap', 'team-a/image-geo').data['content'];
    expect(content(other)).not.toBe(content(all));
  });

  test('that fails keeps no update waiting, nor the lab', () => {
    expect(job.metadata.annotations).toEqual({
      'pulumi.com/replaceUnready': 'true',
      'pulumi.com/skipAwait': 'true',
    });
    expect(unready({ ...job, spec: {} })).toBeUndefined();
    expect(unready({ ...job, metadata: { ...job.metadata, annotations: {} }, spec: {} })).toBe(
      'not complete',
    );
  });

  test('its Job changes its own record, and nothing else of Kubernetes', () => {
    expect(find(all, 'Role', 'team-a/image-geo').rules).toEqual([
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['image-geo'], verbs: ['patch'] },
    ]);
  });

  test('goes to the repositories of its team, by the name inside, with the login of its team', () => {
    const text = JSON.stringify(job);
    const inside = 'registry.registry.svc.cluster.local:5000';
    expect(text).toContain(
      `"${inside}/team-a/geo:${find(all, 'ConfigMap', 'team-a/image-geo').data['content']}"`,
    );
    expect(text).toContain('"secretName":"team-a-registry"');
    expect(text).not.toContain('registry-shared');
  });

  test('is offered by the hub, which may list the ConfigMaps of teams for that, and pulled with the login of the team', () => {
    const told = JSON.parse(find(all, 'ConfigMap', 'jupyterhub/jupyterhub').data['platform.json'] ?? '');
    expect(told.imageLabel).toBe(
      Object.keys(find(all, 'ConfigMap', 'team-a/image-geo').metadata.labels ?? {}).find((label) =>
        label.startsWith('plinth.dev/'),
      ),
    );
    expect(told.teams.map((team: { ownImages: unknown }) => team.ownImages)).toEqual([
      { repositories: 'registry.ml.example.com/team-a', pullSecret: 'team-a-registry' },
      { repositories: 'registry.ml.example.com/red', pullSecret: 'red-registry' },
    ]);
    const listing = { apiGroups: [''], resources: ['configmaps'], verbs: ['list'] };
    expect(find(all, 'Role', 'team-red/plinth-hub').rules).toContainEqual(listing);
    const without = manifests({ registry: { kind: 'off' }, teams: [{ name: 'red' }] });
    expect(find(without, 'Role', 'team-red/plinth-hub').rules).not.toContainEqual(listing);
  });
});

describe('accounts of the registry', () => {
  test('each team has one of its own, for both names of the registry; nobody knows the shared one', () => {
    const accounts = JSON.parse(secret('registry-accounts')['accounts.json'] ?? '');
    expect(Object.keys(accounts)).toEqual(['plinth', 'red', 'team-a']);
    expect(new Set(Object.values(accounts)).size).toBe(3);
    const login = JSON.parse(secret('team-a-registry')['.dockerconfigjson'] ?? '');
    const own = { username: 'team-a', password: accounts['team-a'] };
    expect(login.auths).toEqual({
      'registry.ml.example.com': own,
      'registry.registry.svc.cluster.local:5000': own,
    });
    const inTeams = composed()
      .app.node.findAll()
      .filter(SecretRequest.isSecretRequest)
      .filter(({ request }) => request.name === 'registry-shared');
    expect(inTeams.map(({ request }) => request.namespace)).toEqual(['registry']);
  });

  test('a rotated one is another password, and rolls the registry, which reads it when it starts', () => {
    const generations = { 'team-a/registry': 2 };
    expect(secret('team-a-registry', { generations })).not.toEqual(secret('team-a-registry'));
    expect(secret('red-registry', { generations })).toEqual(secret('red-registry'));
    const rolled = find(manifests({ generations }), 'Deployment', 'registry/registry');
    expect(JSON.stringify(rolled)).toContain('"credentials.plinth.dev/registry-team-a":"2"');
  });
});

describe('an environment', () => {
  const mistakesOf = (change: Partial<EnvironmentInput>): readonly string[] =>
    mistakesIn('broken', { ...on, ...change });
  const images = (...requirements: readonly string[]) => [
    { name: 'team-a', images: [{ name: 'geo', requirements: [...requirements] }] },
  ];

  test.each([
    [{ registry: { kind: 'off' } }, /teams\.0\.images: got 1, expected none, because they need a registry/],
    [{ notebooks: { kind: 'off' } }, /teams\.0\.images: got 1, .*because they need notebooks/],
    [{ teams: images('shapes>=1') }, /requirements\.0: got "shapes>=1", expected one version of one package/],
    [{ teams: images('shapes==1.0') }, /requirements\.0: .*with the hashes of its wheels/],
    [{ teams: images(`--index-url=https://x`) }, /requirements\.0: /],
    [{ teams: images() }, /requirements: got \[\], expected at least 1 entry/],
    [
      { teams: [{ name: 'team-a', images: [{ name: 'standard', requirements: [line('shapes')] }] }] },
      /images\.0\.name: got "standard", expected a name of at most 40 characters that isn't 'standard'/,
    ],
    [
      {
        teams: [
          {
            name: 'team-a',
            images: ['geo', 'geo'].map((name) => ({ name, requirements: [line('shapes')] })),
          },
        ],
      },
      /teams\.0\.images\.1\.name: got "geo" twice/,
    ],
    [{ teams: [{ name: 'plinth' }] }, /teams\.0\.name: .*a name that isn't the platform's own/],
    [{ gateway: { kind: 'off' } }, /gateway\.kind: .*because registry needs an address for nodes/],
    [{ objectStore: { kind: 'off' } }, /objectStore\.kind: .*because registry needs a bucket/],
  ] satisfies readonly (readonly [Partial<EnvironmentInput>, RegExp])[])('is refused: %j', (change, told) => {
    expect(mistakesOf(change)).toContainEqual(expect.stringMatching(told));
  });

  test('has no image of a team by default: the lab pushes none', () => {
    expect(environments['local']?.teams?.flatMap(({ images = [] }) => images)).toEqual([]);
  });
});

test("the lab's node trusts the authority of the registry, for pulling", () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-registries-'));
  try {
    trustRegistry('registry.plinth.localhost', 'PEM', folder);
    const hosts = readFileSync(join(folder, 'registry.plinth.localhost/hosts.toml'), 'utf8');
    const authority = /ca = "(.*)"/.exec(hosts)?.[1] ?? '';
    expect(readFileSync(authority, 'utf8')).toBe('PEM');
    expect(hosts).toContain('[host."https://registry.plinth.localhost"]');
    expect(hosts).toContain('capabilities = ["pull", "resolve"]');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
