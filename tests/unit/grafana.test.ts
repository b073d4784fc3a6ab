import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { environments } from '../../environments/index.ts';
import { imagesOf } from '../../lab/images/needed.ts';
import { absentNote } from '../../lab/images/published.ts';
import { summary } from '../../lab/summary.ts';
import { withoutImages } from '../../platform/absent.ts';
import { compose } from '../../platform/compose.ts';
import { EnvironmentError, type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { dashboardFiles } from '../../scripts/dashboards.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value?: string }[];
          readonly volumeMounts: readonly { readonly mountPath: string }[];
        }[];
      };
    };
  };
}

const environment = (change: Partial<EnvironmentInput> = {}) =>
  parseEnvironment('local', { ...environments['local'], grafana: { kind: 'on' }, ...change });
const chart = compose(environment()).app.charts.find(({ node }) => node.id === 'grafana');
const manifests = (chart?.toJson() ?? []) as Manifest[];
const container = manifests.find(({ kind }) => kind === 'StatefulSet')?.spec.template.spec.containers[0];
const env = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
const files = Object.assign(
  {},
  ...manifests.map(({ metadata, data }) => ({ [metadata.name]: data })),
) as Record<string, Record<string, string>>;

test('the committed dashboards are what scripts/dashboards.ts writes', () => {
  const folder = join(import.meta.dirname, '../../constructs/grafana/files/dashboards');
  // Otherwise: node scripts/dashboards.ts
  for (const [file, text] of dashboardFiles()) expect(readFileSync(join(folder, file), 'utf8')).toBe(text);
});

test('dashboards have a uid each, and panels an address of their series', () => {
  const all = Object.values(files)
    .flatMap((data) => Object.entries(data ?? {}))
    .filter(([name]) => name.endsWith('.json'))
    .map(([, text]) => JSON.parse(text) as { uid: string; panels: { datasource?: { uid: string } }[] });
  const uids = all.map(({ uid }) => uid);
  expect(uids).toEqual(expect.arrayContaining(['plinth-overview', 'plinth-team-a', 'plinth-team-b']));
  expect(new Set(uids).size).toBe(uids.length);
  for (const { uid, panels } of all)
    for (const { datasource } of panels)
      if (datasource !== undefined) expect(datasource.uid).toBe(/team-/.test(uid) ? 'team' : 'platform');
});

test('there is a folder for the platform and one per team', () => {
  const folders = (container?.volumeMounts ?? []).map(({ mountPath }) => mountPath);
  for (const name of ['Platform', 'team-a', 'team-b'])
    expect(folders).toContain(`/etc/plinth/dashboards/${name}`);
});

test('every query carries the token of whoever looks, and Grafana has none of its own', () => {
  const { datasources } = parse(files['grafana-datasources']?.['plinth.yaml'] ?? '') as {
    datasources: readonly { url: string; jsonData: Record<string, unknown>; secureJsonData: object }[];
  };
  expect(datasources.map(({ url }) => url)).toEqual([
    'https://metrics.plinth.localhost',
    'https://prometheus.plinth.localhost',
  ]);
  for (const { jsonData, secureJsonData } of datasources) {
    expect(jsonData['oauthPassThru']).toBe(true);
    expect(Object.keys(secureJsonData)).toEqual(['tlsCACert']);
  }
});

test('whoever is no administrator is a viewer, and who is in no group stays out', () => {
  expect(env['GF_AUTH_GENERIC_OAUTH_ROLE_ATTRIBUTE_PATH']).toBe(
    "contains(groups[*], 'platform-admins') && 'Admin' || 'Viewer'",
  );
  expect(env['GF_AUTH_GENERIC_OAUTH_ALLOWED_GROUPS']).toBe('platform-admins team-a team-b');
  for (const name of ['GF_AUTH_BASIC_ENABLED', 'GF_AUTH_ANONYMOUS_ENABLED']) expect(env[name]).toBe('false');
  expect(env['GF_AUTH_DISABLE_LOGIN_FORM']).toBe('true');
});

test('an environment without what it needs is refused, with why', () => {
  const mistakes = (change: Partial<EnvironmentInput>) => {
    try {
      environment(change);
    } catch (error) {
      if (error instanceof EnvironmentError) return error.message;
      throw error;
    }
    return 'accepted';
  };
  expect(mistakes({ identity: { kind: 'off' } })).toMatch(
    /identity\.kind: .*because grafana needs a sign-in/,
  );
  expect(mistakes({ monitoring: { kind: 'off' } })).toMatch(/monitoring\.kind: .*because grafana needs what/);
});

describe("a machine that can't have the image", () => {
  test('runs everything else', () => {
    const without = withoutImages(environment(), ['grafana']);
    const charts = (which: typeof without) => compose(which).app.charts.map(({ node }) => node.id);
    expect(charts(environment()).filter((id) => !charts(without).includes(id))).toEqual(['grafana']);
    expect(withoutImages(environment(), ['none'])).toEqual(environment());
  });

  test('builds nothing in its place, and is told so', () => {
    const { built, published } = imagesOf();
    expect(published).toEqual(['grafana']);
    expect(built.map(String)).not.toContain('grafana');
    const outputs = { endpoints: {}, credentials: {} };
    expect(summary(outputs, '.lab', published.map(absentNote))).toContain(
      "Grafana: its image can't be had on this machine without a container registry",
    );
    expect(summary(outputs, '.lab')).not.toContain('Grafana');
  });
});
