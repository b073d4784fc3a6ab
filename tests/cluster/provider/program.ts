import * as kubernetes from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';

const config = new pulumi.Config();
const change = config.get('change') ?? 'none';
const provider = new kubernetes.Provider('cluster', {
  kubeconfig: config.require('kubeconfig'),
  context: 'plinth-test',
  enableServerSideApply: true,
});

const namespace = new kubernetes.core.v1.Namespace('data', { metadata: { name: 'data' } }, { provider });
const inside = { provider, dependsOn: [namespace] };
const metadata = (name: string) => ({ name, namespace: 'data' });
// No node runs here, so nothing with pods ever gets ready.
const unawaited = (name: string) => ({
  ...metadata(name),
  annotations: { 'pulumi.com/skipAwait': 'true' },
});

new kubernetes.core.v1.Secret(
  'data/login',
  {
    metadata: metadata('login'),
    stringData: { username: 'plinth', password: config.requireSecret('password') },
  },
  inside,
);
new kubernetes.core.v1.ConfigMap(
  'data/settings',
  { metadata: metadata('settings'), data: { level: 'info' } },
  inside,
);
new kubernetes.core.v1.PersistentVolumeClaim(
  // The same claim under another name in the program: it must not be made anew.
  change === 'renamed' ? 'data/claim' : 'data/volume',
  {
    metadata: metadata('volume'),
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1024Mi' } } },
  },
  inside,
);
new kubernetes.networking.v1.NetworkPolicy(
  'data/deny',
  { metadata: metadata('deny'), spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } },
  inside,
);
const containers = [
  {
    name: 'main',
    image: change === 'image' ? 'localhost/none:2' : 'localhost/none:1',
    env: [{ name: 'EMPTY', value: '' }],
    resources: { requests: { cpu: '0.5', memory: '1024Mi' } },
  },
];
const labels = { app: 'web' };
new kubernetes.apps.v1.Deployment(
  'data/web',
  {
    metadata: unawaited('web'),
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  },
  inside,
);
new kubernetes.batch.v1.Job(
  'data/migrate',
  { metadata: unawaited('migrate'), spec: { template: { spec: { restartPolicy: 'Never', containers } } } },
  inside,
);

const schema = {
  type: 'object',
  properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
};
const definition = new kubernetes.apiextensions.v1.CustomResourceDefinition(
  'things',
  {
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Thing', plural: 'things' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  },
  { provider },
);
new kubernetes.apiextensions.CustomResource(
  'data/thing',
  {
    apiVersion: 'example.com/v1',
    kind: 'Thing',
    metadata: metadata('thing'),
    spec: change === 'mistake' ? { sise: 3 } : { size: 3 },
  },
  { provider, dependsOn: [namespace, definition] },
);
if (change === 'imported')
  new kubernetes.core.v1.ConfigMap(
    'data/found',
    { metadata: metadata('found'), data: { who: 'somebody else' } },
    { provider, import: 'data/found' },
  );
