import { ApiObject, App, Chart } from 'cdk8s';

/** A pod as the platform's are: hardened, probed, with its environment from Secrets. */
const podSpec = (name: string) => ({
  serviceAccountName: name,
  automountServiceAccountToken: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 1000,
    fsGroup: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  containers: [
    {
      name: 'server',
      image: `registry.example.com/plinth/${name}:1.2.3-0a1b2c3d`,
      args: ['--port', '8080', '--config=/etc/server/config.toml'],
      ports: [{ name: 'http', containerPort: 8080 }],
      env: ['HOST', 'USERNAME', 'PASSWORD'].map((key) => ({
        name: `DATABASE_${key}`,
        valueFrom: { secretKeyRef: { name: `${name}-database`, key: key.toLowerCase() } },
      })),
      resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      readinessProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 10 },
      volumeMounts: [{ name: 'config', mountPath: '/etc/server', readOnly: true }],
    },
  ],
  volumes: [{ name: 'config', configMap: { name } }],
});

const config = (name: string): string =>
  `[server]\nname = "${name}"\nport = 8080\n\n[log]\nlevel = "info"\n# one line per request\nformat = "json"\n`;

const kinds: readonly ((name: string) => { apiVersion: string; kind: string; [field: string]: unknown })[] = [
  (name) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    spec: {
      replicas: 1,
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
      template: { metadata: { labels: { 'app.kubernetes.io/name': name } }, spec: podSpec(name) },
    },
  }),
  (name) => ({
    apiVersion: 'v1',
    kind: 'Service',
    spec: {
      selector: { 'app.kubernetes.io/name': name },
      ports: [{ name: 'http', port: 80, targetPort: 'http' }],
    },
  }),
  (name) => ({ apiVersion: 'v1', kind: 'ConfigMap', data: { 'config.toml': config(name) } }),
  () => ({ apiVersion: 'v1', kind: 'ServiceAccount', automountServiceAccountToken: false }),
  (name) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    spec: {
      podSelector: { matchLabels: { 'app.kubernetes.io/name': name } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080, protocol: 'TCP' }] }],
      egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 5432, protocol: 'TCP' }] }],
    },
  }),
  (name) => ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    spec: { maxUnavailable: 1, selector: { matchLabels: { 'app.kubernetes.io/name': name } } },
  }),
];

/** How the charts of an app need each other. */
export type Dependencies = 'none' | 'previous' | 'all earlier';

/** A platform of made-up workloads: `objects` objects, spread over `charts` charts. */
export const syntheticApp = (
  objects: number,
  charts: number,
  dependencies: Dependencies,
  outdir?: string,
): App => {
  const app = new App(outdir === undefined ? {} : { outdir });
  const made: Chart[] = [];
  for (let index = 0; index < charts; index += 1) {
    const chart = new Chart(app, `component-${index}`, {
      namespace: `namespace-${index % 7}`,
      labels: { 'app.kubernetes.io/managed-by': 'plinth' },
    });
    if (dependencies === 'all earlier') for (const earlier of made) chart.addDependency(earlier);
    const previous = made.at(-1);
    if (dependencies === 'previous' && previous !== undefined) chart.addDependency(previous);
    made.push(chart);
  }
  for (let index = 0; index < objects; index += 1) {
    const chart = made[index % charts];
    const name = `workload-${Math.floor(index / kinds.length)}`;
    const object = kinds[index % kinds.length]?.(name);
    if (chart !== undefined && object !== undefined)
      new ApiObject(chart, `object-${index}`, { ...object, metadata: { name } });
  }
  return app;
};
