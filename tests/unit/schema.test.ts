import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';
import { type Manifest, synthesize } from '../../platform/synthesis/index.ts';
import { clusterScopedKinds } from '../../platform/synthesis/scope.ts';
import { ManifestValidator } from '../support/manifest-validator.ts';
import { minorVersions, openApi } from '../support/openapi.ts';

/** The lab's. */
const newest = '1.35';

const validators = new Map<string, Promise<ManifestValidator>>();
const validatorFor = (minor: string): Promise<ManifestValidator> => {
  const known = validators.get(minor) ?? ManifestValidator.for(minor);
  validators.set(minor, known);
  return known;
};

// The first run on a machine downloads a release of Kubernetes for each.
beforeAll(async () => {
  for (const minor of minorVersions) await validatorFor(minor);
}, 600_000);

const cases = Object.keys(environments).flatMap((name) => {
  const environment = parseEnvironment(name, environments[name]);
  const versions = new Set([environment.kubernetes.version, newest]);
  return [...versions].map((minor) => ({ name, minor, environment }));
});

test.each(cases)('every object of $name is valid for Kubernetes $minor', async ({ environment, minor }) => {
  const validator = await validatorFor(minor);
  const objects = synthesize(compose(environment).app).flatMap((chart) => chart.objects);
  const mistakes = objects.flatMap(({ path, manifest }) =>
    validator.mistakes(manifest).map((mistake) => `${path}: ${mistake}`),
  );
  expect(mistakes).toEqual([]);
  expect(objects.length).toBeGreaterThan(10);
});

describe('a mistake is found', () => {
  const deployment = (container: object, spec: object = {}): Manifest => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'server', namespace: 'data' },
    spec: {
      selector: { matchLabels: { app: 'server' } },
      template: {
        metadata: { labels: { app: 'server' } },
        spec: { containers: [{ name: 'server', image: 'localhost/server:1', ...container }] },
      },
      ...spec,
    },
  });
  const route = (rule: object): Manifest => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'server', namespace: 'data' },
    spec: { parentRefs: [{ name: 'gateway' }], rules: [rule] },
  });
  const variable = { name: 'HOME', value: '/' };

  test.each([
    ['nothing', deployment({ ports: [{ containerPort: 80 }] }), []],
    ['a misspelt field', deployment({}, { replica: 1 }), ['/spec has the unknown field replica']],
    [
      'a misspelt field deep inside',
      deployment({ securityContext: { runAsNonroot: true } }),
      ['/spec/template/spec/containers/0/securityContext has the unknown field runAsNonroot'],
    ],
    ['a wrong type', deployment({}, { replicas: '1' }), ['/spec/replicas must be integer']],
    [
      'a variable set twice',
      deployment({ env: [variable, variable] }),
      ['/spec/template/spec/containers/0/env has two entries with the same key'],
    ],
    [
      'a missing field',
      deployment({}, { selector: undefined }),
      ["/spec must have required property 'selector'"],
    ],
    ['nothing in a custom kind', route({ backendRefs: [{ name: 'server', port: 80 }] }), []],
    [
      'a misspelt field of a custom kind',
      route({ backendRef: [] }),
      ['/spec/rules/0 has the unknown field backendRef'],
    ],
    [
      'a kind that is not there',
      { ...route({}), apiVersion: 'gateway.networking.k8s.io/v9' },
      ['no API and no definition has gateway.networking.k8s.io/v9 HTTPRoute'],
    ],
  ])('%s', async (_, manifest, mistakes) => {
    const validator = await validatorFor(newest);
    expect(validator.mistakes(JSON.parse(JSON.stringify(manifest)) as Manifest)).toEqual(mistakes);
  });
});

test.each(minorVersions)('synthesis knows which kinds of Kubernetes %s have no namespace', async (minor) => {
  const api = await openApi(minor);
  expect(api.clusterScoped.filter((kind) => !clusterScopedKinds.has(kind))).toEqual([]);
  expect(api.namespaced.filter((kind) => clusterScopedKinds.has(kind))).toEqual([]);
});
