import { image, reference } from '../../constructs/catalogue/index.ts';
import { client, eventually, kubectl, kubectlJson } from './support.ts';

jest.setTimeout(15 * 60_000);

/** Asked through the API server, as the lab's administrator: nothing of monitoring is open to the outside. */
const ask = async <T>(service: string, path: string): Promise<T> =>
  JSON.parse(
    await kubectl(['get', '--raw', `/api/v1/namespaces/monitoring/services/${service}/proxy${path}`]),
  ) as T;

interface Target {
  readonly health: string;
  readonly lastError: string;
  readonly scrapePool: string;
  readonly labels: Readonly<Record<string, string>>;
}

const targets = async (): Promise<readonly Target[]> => {
  const { data } = await ask<{ data: { activeTargets: readonly Target[] } }>(
    'prometheus:9090',
    '/api/v1/targets?state=active',
  );
  return data.activeTargets;
};

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

const query = async (expr: string): Promise<readonly Series[]> => {
  const { data } = await ask<{ data: { result: readonly Series[] } }>(
    'prometheus:9090',
    `/api/v1/query?query=${encodeURIComponent(expr)}`,
  );
  return data.result;
};

// Counters of requests begin with the first one: through the gateway to MLflow, its database and its bucket.
beforeAll(() => client('log_run.py', ['monitoring', 'counted']));

const jobs = [
  'alertmanager',
  'containers',
  'gateway',
  'kubelet',
  'kubernetes-api',
  'mlflow',
  'object-store',
  'prometheus',
];

test('every job has a target, and every target is up', async () => {
  const seen = await eventually(
    'all targets are up',
    targets,
    (all) =>
      jobs.every((job) => all.some(({ scrapePool }) => scrapePool === job)) &&
      all.every(({ health }) => health === 'up'),
    300,
  );
  expect(seen.filter(({ health }) => health !== 'up')).toEqual([]);
});

test.each([
  ['MLflow', 'mlflow_http_request_total{job="mlflow",namespace="mlflow"}'],
  ['the object store', 'SeaweedFS_s3_request_total{job="object-store",namespace="data"}'],
  ['its disk', 'SeaweedFS_volumeServer_resource{job="object-store",type=~"free|all"}'],
  ['the gateway', 'traefik_service_requests_total{job="gateway",namespace="gateway"}'],
  ['its certificate', 'traefik_tls_certs_not_after{job="gateway"}'],
  ['the API server', 'apiserver_request_total{job="kubernetes-api"}'],
  ['containers', 'container_memory_working_set_bytes{job="containers",namespace="mlflow"}'],
  ['when they started', 'container_start_time_seconds{job="containers",namespace="data"}'],
  ['alerts passed on', 'prometheus_notifications_dropped_total{job="prometheus"}'],
  ['messages that failed', 'alertmanager_notifications_failed_total{job="alertmanager"}'],
] as const)('there are series of %s, by the name that rules use', async (_, expr) => {
  const series = await eventually(
    `${expr} has series`,
    () => query(expr),
    (found) => found.length > 0,
    300,
  );
  expect(series.length).toBeGreaterThan(0);
});

test('no rule fails', async () => {
  const { data } = await ask<{
    data: {
      groups: readonly { rules: readonly { name: string; health: string; lastError?: string }[] }[];
    };
  }>('prometheus:9090', '/api/v1/rules');
  const rules = data.groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThan(10);
  expect(rules.filter(({ health }) => health === 'err')).toEqual([]);
});

test('an alert reaches Alertmanager', async () => {
  const alerts = await eventually(
    'Watchdog is there',
    () => ask<readonly { labels: Readonly<Record<string, string>> }[]>('alertmanager:9093', '/api/v2/alerts'),
    (all) => all.some(({ labels }) => labels['alertname'] === 'Watchdog'),
  );
  expect(alerts.map(({ labels }) => labels['alertname'])).toContain('Watchdog');
});

describe("a team's own pod", () => {
  const name = 'metrics-probe';
  const script = `
import http.server
class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'flights_rows{team="team-b",namespace="data"} 42\\n'
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("", 9464), Metrics).serve_forever()
`;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'team-a', labels: { 'app.kubernetes.io/name': 'flights' } },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'metrics',
          image: reference(image('mlflow')),
          command: ['python3', '-c', script],
          ports: [{ name: 'metrics', containerPort: 9464 }],
          resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '64Mi' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
  beforeAll(async () => {
    await kubectl(['apply', '-f', '-'], JSON.stringify(pod));
  });
  afterAll(async () => {
    await kubectl([
      ...['delete', 'pod', '-n', 'team-a', name, '--ignore-not-found', '--force', '--grace-period=0'],
    ]);
  });

  test("is found and asked, and can't pass its series off as another team's", async () => {
    const series = await eventually(
      'flights_rows is there',
      () => query('flights_rows'),
      (found) => found.length > 0,
      300,
    );
    expect(series.map(({ metric, value }) => ({ ...metric, value: value[1] }))).toEqual([
      expect.objectContaining({
        team: 'team-a',
        namespace: 'team-a',
        workload: 'flights',
        pod: name,
        exported_team: 'team-b',
        exported_namespace: 'data',
        value: '42',
      }),
    ]);
  });
});

test('keeps its series when its pod is replaced', async () => {
  const { metadata } = await kubectlJson<{ metadata: { uid: string } }>([
    'get',
    'pod',
    '-n',
    'monitoring',
    'prometheus-0',
  ]);
  const before = Math.floor(Date.now() / 1000);
  await kubectl(['delete', 'pod', '-n', 'monitoring', 'prometheus-0', '--wait=false']);
  await eventually(
    'a new pod is ready',
    () =>
      kubectlJson<{
        metadata: { uid: string };
        status: { conditions?: readonly { type: string; status: string }[] };
      }>(['get', 'pod', '-n', 'monitoring', 'prometheus-0']),
    (pod) =>
      pod.metadata.uid !== metadata.uid &&
      pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true,
    300,
  );
  const kept = await eventually(
    'what was there before is there',
    () => query(`count_over_time(up{job="mlflow"}[10m] @ ${before})`),
    (found) => found.length > 0,
  );
  expect(kept.length).toBeGreaterThan(0);
});
