import { ApiObject, App, Chart } from 'cdk8s';
import { derived, SecretRequest } from '../../constructs/contracts/index.ts';
import { environments } from '../../environments/index.ts';
import { checkTree } from '../../platform/checks/index.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';

const image = 'registry.example.com/server:1.2.3';

interface Extra {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly pods?: Readonly<Record<string, unknown>>;
  readonly container?: Readonly<Record<string, unknown>>;
  readonly namespace?: string;
}

/** A tree with a namespace, a ConfigMap, a Secret asked for, and a workload that a test spoils. */
const mistakesOf = ({ spec, pods, container, namespace = 'data' }: Extra): readonly string[] => {
  const app = new App();
  const chart = new Chart(app, 'chart', { disableResourceNameHashes: true });
  new ApiObject(chart, 'Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'data' } });
  new ApiObject(chart, 'Files', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'files', namespace: 'data' },
    data: { 'a.py': '' },
  });
  new SecretRequest(chart, 'Login', {
    namespace: 'data',
    name: 'login',
    values: { password: derived({ owner: 'a', role: 'b', key: 'password', generation: 1 }) },
  });
  new ApiObject(chart, 'Server', {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'server', namespace },
    spec: {
      ...spec,
      template: { spec: { ...pods, containers: [{ name: 'server', image, ...container }] } },
    },
  });
  return checkTree(app);
};

const secretEnv = (name: string, key: string) => ({
  env: [{ name: 'X', valueFrom: { secretKeyRef: { name, key } } }],
});

describe('checks of a finished tree', () => {
  test.each(Object.keys(environments))('find nothing wrong with %s', (name) => {
    expect(checkTree(compose(parseEnvironment(name, environments[name])).app)).toEqual([]);
  });

  test.each<[string, Extra, string]>([
    [
      'a Secret that nobody makes',
      { container: secretEnv('other', 'password') },
      'chart/Server: reads Secret data/other, which nothing makes or asks for',
    ],
    [
      'a key that a Secret lacks',
      { container: secretEnv('login', 'username') },
      'chart/Server: reads username of Secret data/login, expected one of password',
    ],
    [
      'a file that a ConfigMap lacks',
      { pods: { volumes: [{ name: 'files', configMap: { name: 'files', items: [{ key: 'b.py' }] } }] } },
      'chart/Server: reads b.py of ConfigMap data/files, expected one of a.py',
    ],
    [
      'a claim that nobody makes',
      { pods: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'server' } }] } },
      'chart/Server: mounts claim data/server, which nothing makes',
    ],
    [
      'a ServiceAccount that nobody makes',
      { pods: { serviceAccountName: 'server' } },
      'chart/Server: runs as ServiceAccount data/server, which nothing makes',
    ],
    [
      'a mount without a volume',
      { container: { volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] } },
      'chart/Server: container server mounts tmp, which is no volume of its pod',
    ],
    [
      'an image without a tag, on a registry with a port',
      { container: { image: 'registry.example.com:5000/server' } },
      'chart/Server: container server runs registry.example.com:5000/server, expected a pinned tag or a digest',
    ],
    [
      'latest',
      { container: { image: 'server:latest' } },
      'chart/Server: container server runs server:latest, expected a pinned tag or a digest',
    ],
    [
      'a namespace that nobody makes',
      { namespace: 'elsewhere' },
      'chart/Server: is in namespace elsewhere, which nothing makes',
    ],
    [
      'claims by template',
      { spec: { volumeClaimTemplates: [] } },
      'chart/Server: has volumeClaimTemplates, whose claims nobody reviews; use a DataVolume',
    ],
  ])('tell of %s', (_, extra, mistake) => {
    expect(mistakesOf(extra)).toEqual([mistake]);
  });

  test('accept what is there, and what is optional', () => {
    const optional = { secretKeyRef: { name: 'other', key: 'x', optional: true } };
    const good = { env: [...secretEnv('login', 'password').env, { name: 'Y', valueFrom: optional }] };
    expect(mistakesOf({ container: good })).toEqual([]);
  });

  test('tell of a Secret whose values would be in every manifest', () => {
    const app = new App();
    const chart = new Chart(app, 'chart', { disableResourceNameHashes: true });
    new ApiObject(chart, 'Plain', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'plain' } });
    expect(checkTree(app)).toEqual([
      'chart/Plain: a Secret in the tree shows its values to everyone; ask for it by a SecretRequest',
    ]);
  });
});
