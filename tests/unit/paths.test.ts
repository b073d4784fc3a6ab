import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';

interface Rule {
  readonly from?: readonly PolicyPeer[];
  readonly to?: readonly PolicyPeer[];
  readonly ports: readonly { readonly port: number }[];
}
interface PolicyPeer {
  readonly ipBlock?: { readonly cidr: string };
  readonly namespaceSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: { readonly ingress: readonly Rule[]; readonly egress: readonly Rule[] };
}

const manifests = (input: EnvironmentInput | undefined): readonly Manifest[] =>
  compose(parseEnvironment('paths', input)).app.charts.flatMap((chart) => chart.toJson() as Manifest[]);

const describePeer = (peer: PolicyPeer): string =>
  peer.ipBlock?.cidr ??
  [
    peer.namespaceSelector?.matchLabels['kubernetes.io/metadata.name'],
    // Pods that others make have names of their own, and Spark's rights by a label of its own.
    peer.podSelector?.matchLabels['app.kubernetes.io/name'] ??
      peer.podSelector?.matchLabels['spark.plinth.dev/role'],
  ]
    .filter(Boolean)
    .join('/');

/** Paths of a workload's own policy, like `data/postgres:5432`. */
const paths = (
  all: readonly Manifest[],
  workload: string,
  direction: 'ingress' | 'egress',
): readonly string[] => {
  const policy = all.find(
    ({ kind, metadata }) => kind === 'NetworkPolicy' && `${metadata.namespace}/${metadata.name}` === workload,
  );
  return (policy?.spec[direction] ?? []).flatMap(
    (rule) =>
      (direction === 'ingress' ? rule.from : (rule.to ?? rule.from ?? []))?.flatMap((peer) =>
        rule.ports.map(({ port }) => `${describePeer(peer)}:${port}`),
      ) ?? [],
  );
};

const local = environments['local'] as EnvironmentInput;

describe('the paths of the local platform', () => {
  const all = manifests(local);

  test('MLflow reaches its database, its bucket, the issuer and who takes its webhooks, nothing else', () => {
    expect(paths(all, 'mlflow/mlflow', 'egress')).toEqual([
      'data/object-store:8333',
      'data/postgres:5432',
      'gateway/gateway:8443',
      'serving/promoter:8080',
    ]);
  });

  test('MLflow is reached through the gateway, and by Prometheus', () => {
    expect(paths(all, 'mlflow/mlflow', 'ingress')).toEqual([
      'gateway/gateway:5000',
      'monitoring/prometheus:5000',
    ]);
  });

  test('the registry reaches its bucket alone, and is reached by teams, through the gateway and by Prometheus', () => {
    expect(paths(all, 'registry/registry', 'egress')).toEqual(['data/object-store:8333']);
    expect(paths(all, 'registry/registry', 'ingress')).toEqual([
      'team-a:5000',
      'team-b:5000',
      'gateway/gateway:5000',
      'monitoring/prometheus:5001',
    ]);
  });

  test('PostgreSQL reaches nobody and is reached by its consumers and its own jobs', () => {
    expect(paths(all, 'data/postgres', 'egress')).toEqual([]);
    expect(paths(all, 'data/postgres', 'ingress')).toEqual([
      // Whatever a team runs reaches the team's own database.
      'team-a:5432',
      'team-b:5432',
      'airflow/airflow-api-server:5432',
      'airflow/airflow-dag-processor:5432',
      'airflow/airflow-migrate:5432',
      'airflow/airflow-scheduler:5432',
      'data/postgres-metrics:5432',
      'data/postgres-provision-airflow:5432',
      'data/postgres-provision-identity:5432',
      'data/postgres-provision-jupyterhub:5432',
      'data/postgres-provision-metrics:5432',
      'data/postgres-provision-mlflow:5432',
      'data/postgres-provision-predictions:5432',
      'data/postgres-provision-promoter:5432',
      'data/postgres-provision-team-a:5432',
      'data/postgres-provision-team-b:5432',
      'identity/keycloak:5432',
      'jupyterhub/hub:5432',
      'jupyterhub/jupyterhub-upgrade:5432',
      'mlflow/mlflow:5432',
      'mlflow/mlflow-migrate:5432',
      'serving/prediction-log:5432',
      'serving/prediction-log-migrate:5432',
      'serving/promoter:5432',
      'serving/promoter-migrate:5432',
    ]);
  });

  test('the object store opens its S3 port only, and its metrics to Prometheus', () => {
    const monitoring = 'monitoring/prometheus:9327';
    const ingress = paths(all, 'data/object-store', 'ingress');
    expect(ingress).toContain(monitoring);
    const ports = ingress.filter((path) => path !== monitoring).map((path) => path.split(':')[1]);
    expect([...new Set(ports)]).toEqual(['8333']);
    expect(paths(all, 'data/object-store', 'egress')).toEqual([]);
  });

  test('Prometheus reaches what it asks, and only a sign-in, the proxy of teams and the promoter reach it', () => {
    expect(paths(all, 'monitoring/prometheus', 'egress')).toEqual(
      expect.arrayContaining(['mlflow/mlflow:5000', 'monitoring/alertmanager:9093', 'team-a:9464']),
    );
    expect(paths(all, 'monitoring/prometheus', 'ingress')).toEqual([
      'monitoring/prometheus:9090',
      'monitoring/prometheus-sign-in:9090',
      'monitoring/team-metrics:9090',
      'serving/promoter:9090',
    ]);
    expect(paths(all, 'monitoring/team-metrics', 'ingress')).toEqual([
      'monitoring/metrics-sign-in:8080',
      'monitoring/prometheus:8081',
    ]);
    expect(paths(all, 'monitoring/alertmanager', 'ingress')).toEqual([
      'monitoring/alertmanager-sign-in:9093',
      'monitoring/prometheus:9093',
    ]);
    expect(paths(all, 'monitoring/alertmanager', 'egress')).toEqual(['serving/promoter:8080']);
  });

  test('a session is reached by its client, its executors and Prometheus, and reaches Kubernetes', () => {
    expect(paths(all, 'team-a/spark-driver', 'ingress')).toEqual([
      'monitoring/prometheus:4040',
      'team-a/spark-executor:7078',
      'team-a/spark-executor:7079',
      'team-a/spark-client:15002',
    ]);
    expect(paths(all, 'team-a/spark-driver', 'egress')).toEqual([
      '10.204.0.1/32:6443',
      'team-a/spark-executor:7079',
    ]);
    expect(paths(all, 'team-a/spark-executor', 'egress')).not.toContain('10.204.0.1/32:6443');
  });

  test('a history server reads its bucket and is reached by its sign-in only', () => {
    expect(paths(all, 'spark/spark-history-team-a', 'egress')).toEqual(['data/object-store:8333']);
    expect(paths(all, 'spark/spark-history-team-a', 'ingress')).toEqual(['spark/spark-team-a-sign-in:18080']);
  });

  test('every namespace refuses what no grant opens', () => {
    const namespaces = all.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name);
    for (const namespace of namespaces)
      expect(
        all.some(
          ({ kind, metadata }) =>
            kind === 'NetworkPolicy' && metadata.name === 'default-deny' && metadata.namespace === namespace,
        ),
      ).toBe(true);
  });
});

test.each([
  ['kubeDns', undefined, { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }, 53],
  [
    'other pods',
    { kind: 'pods', namespace: 'openshift-dns', labels: { dns: 'default' }, port: 5353 },
    { namespace: 'openshift-dns', labels: { dns: 'default' } },
    5353,
  ],
  ['a cache on every node', { kind: 'addresses', cidr: '169.254.20.10/32' }, '169.254.20.10/32', 53],
] as const)('look-ups of every namespace go to %s', (_, dns, server, port) => {
  const kubernetes = { ...local.kubernetes, ...(dns === undefined ? {} : { dns }) };
  const policies = manifests({ ...local, kubernetes }).filter(
    ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'dns',
  );
  const peer =
    typeof server === 'string'
      ? { ipBlock: { cidr: server } }
      : {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': server.namespace } },
          podSelector: { matchLabels: server.labels },
        };
  expect(policies.length).toBeGreaterThan(5);
  for (const { spec } of policies)
    expect(spec.egress).toEqual([
      {
        to: [peer],
        ports: [
          { protocol: 'UDP', port },
          { protocol: 'TCP', port },
        ],
      },
    ]);
});

test('an external database is reached at its addresses, on its port', () => {
  const all = manifests(environments['production']);
  expect(paths(all, 'mlflow/mlflow', 'egress')).toEqual([
    '10.60.10.0/28:443',
    '10.60.8.0/28:5432',
    '10.60.9.0/28:443',
  ]);
});

test('a path is open at both ends or at none', () => {
  for (const input of [...Object.values(environments), local]) {
    const all = manifests(input);
    const namespaces = new Set(
      all.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name),
    );
    const policies = all.filter(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && !['default-deny', 'dns'].includes(metadata.name),
    );
    const named = policies.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    const out = named.flatMap((from) =>
      paths(all, from, 'egress')
        // A team's whole namespace is what the team's own policy selects.
        .map((to) => `${from} -> ${to.includes('/') ? to : to.replace(':', '/team:')}`)
        .filter((path) => !/-> [\d.]+\//.test(path))
        // A gateway that is there before Plinth has policies of its own.
        .filter((path) => namespaces.has(path.split(' -> ')[1]?.split('/')[0] ?? '')),
    );
    const into = named.flatMap((to) =>
      paths(all, to, 'ingress').flatMap((path) => {
        const [peer = '', port] = path.split(':');
        const from = peer.includes('/') ? peer : `${peer}/team`;
        return named.includes(from) ? [`${from} -> ${to}:${port}`] : [];
      }),
    );
    expect([...out].sort()).toEqual([...into].sort());
  }
});
