import { environments } from '../../environments/index.ts';
import { makeProbe, removeProbe } from './probe.ts';
import { Session } from './session.ts';
import { signIn, teamToken } from './sign-in.ts';
import { client, credentials, endpoint, eventually, kubectl, kubectlJson } from './support.ts';

jest.setTimeout(15 * 60_000);

/** Asked through the API server, as the lab's administrator. */
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

/** Jobs whose absence is an alert: everything that the environment has switched on. */
const expectedJobs = async (): Promise<readonly string[]> => {
  const { data } = await ask<{
    data: { groups: readonly { rules: readonly { name: string; query: string }[] }[] };
  }>('prometheus:9090', '/api/v1/rules');
  const missing = data.groups.flatMap(({ rules }) => rules).find(({ name }) => name === 'TargetMissing');
  return [...(missing?.query ?? '').matchAll(/job="([^"]+)"/g)].map(([, job = '']) => job);
};

test('every job has a target, and every target is up', async () => {
  const jobs = [...(await expectedJobs()), 'pulumi-apply'];
  expect(jobs).toEqual(
    expect.arrayContaining(['gateway', 'kubernetes-api', 'mlflow', 'nodes', 'object-store', 'prometheus']),
  );
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

/** What is counted where a component is switched on, by its field of the environment. */
const ofComponents = [
  ['notebooks', "the hub's requests", 'jupyterhub_request_duration_seconds_count{job="hub"}'],
  ['notebooks', "the hub's servers", 'jupyterhub_running_servers{job="hub"}'],
  ['airflow', "Airflow's scheduler", 'airflow_scheduler_heartbeat_total{job="airflow-scheduler"} > 0'],
  ['airflow', 'the pools of teams', 'airflow_pool_slots{team="team-a"}'],
  ['airflow', 'DAGs that were read', 'airflow_dag_processing_import_errors{job="airflow-dag-processor"}'],
  ['spark', "the Spark operator's queues", 'workqueue_depth{job="spark-operator"}'],
  ['serving', "the inference gateway's routes", 'plinth_gateway_config_refused{job="inference-gateway"}'],
] as const;
const switchedOn = ofComponents.filter(
  ([field]) => !['off', undefined].includes(environments['local']?.[field]?.kind),
);

test.each([
  ...switchedOn.map(([, what, expr]) => [what, expr] as const),
  ["a node's CPU and memory", 'node_cpu_usage_seconds_total and node_memory_working_set_bytes'],
  ["a node's disks", 'container_fs_usage_bytes{job="nodes"} / container_fs_limit_bytes{job="nodes"} > 0'],
  ["a node's network", 'container_network_receive_bytes_total{job="nodes"} > 0'],
  ['the last update', 'plinth_apply_end_timestamp_seconds{stack="local"} > 1e9'],
  ['what came of it', 'plinth_apply_succeeded and plinth_apply_duration_seconds'],
  ['MLflow', 'mlflow_http_request_total{job="mlflow",namespace="mlflow"}'],
  ['the object store', 'SeaweedFS_s3_request_total{job="object-store",namespace="data"}'],
  ['its disk', 'SeaweedFS_volumeServer_resource{job="object-store",type=~"free|all"}'],
  ['the gateway', 'traefik_service_requests_total{job="gateway",namespace="gateway"}'],
  ['its certificate', 'traefik_tls_certs_not_after{job="gateway"}'],
  ['the API server', 'apiserver_request_total{job="kubernetes-api"}'],
  ['the database', 'pg_up{job="postgres-metrics"} == 1'],
  ['its connections', 'pg_stat_database_numbackends{datname="mlflow"}'],
  ['how many it takes', 'pg_settings_max_connections'],
  ['its deadlocks', 'pg_stat_database_deadlocks{datname="mlflow"}'],
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
  const probe = {
    namespace: 'team-a',
    name,
    labels: { 'app.kubernetes.io/name': 'flights' },
    script,
    container: { name: 'metrics', ports: [{ name: 'metrics', containerPort: 9464 }] },
  };
  beforeAll(() => makeProbe(probe));
  afterAll(() => removeProbe(probe));

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

  /** What a person or program sees at the address that teams ask. */
  const asked = async (token: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
    new Session().ask(`${endpoint('metrics').url}${path}`, {
      headers: { ...headers, authorization: `Bearer ${token}` },
    });
  const found = async (...from: Parameters<typeof asked>): Promise<readonly unknown[]> => {
    const page = await asked(...from);
    if (page.status !== 200) throw new Error(`${from[1]}: ${page.status} ${page.body.slice(0, 300)}`);
    const { data } = JSON.parse(page.body) as {
      data: readonly unknown[] | { readonly result: readonly unknown[] };
    };
    return 'result' in data ? data.result : data;
  };

  test('is seen by who belongs to the team', async () => {
    const token = await tokenOf('scientist-a');
    expect((await found(token, '/api/v1/query?query=flights_rows')).length).toBe(1);
    expect((await found(token, '/api/v1/series?match[]=flights_rows')).length).toBe(1);
    expect(await found(token, '/api/v1/label/team/values')).toEqual(['team-a']);
    expect((await asked(token, '/federate?match[]=flights_rows')).body).toMatch(
      /^flights_rows\{.*team="team-a"/m,
    );
  });

  test('is seen by what the team runs', async () => {
    expect((await found(await teamToken('team-a'), '/api/v1/query?query=flights_rows')).length).toBe(1);
  });

  test.each([
    ['a person of another team', () => tokenOf('scientist-b')],
    ['what another team runs', () => teamToken('team-b')],
  ] as const)('is not seen by %s, whatever it asks', async (_, tokenFor) => {
    const token = await tokenFor();
    expect(await found(token, '/api/v1/query?query=flights_rows')).toEqual([]);
    expect(
      await found(token, '/api/v1/query?query=flights_rows', { 'X-Forwarded-Groups': 'team-a' }),
    ).toEqual([]);
    expect(await found(token, '/api/v1/query?query=flights_rows', { X_Forwarded_Groups: 'team-a' })).toEqual(
      [],
    );
    expect(await found(token, '/api/v1/series?match[]=flights_rows')).toEqual([]);
    expect(await found(token, '/api/v1/label/pod/values?match[]=flights_rows')).toEqual([]);
    expect(await found(token, '/api/v1/label/team/values')).not.toContain('team-a');
    expect((await asked(token, '/federate?match[]=flights_rows')).body).not.toContain('flights_rows{');
    const other = encodeURIComponent('flights_rows{team="team-a"}');
    expect((await asked(token, `/api/v1/query?query=${other}`)).status).toBe(400);
    expect((await asked(token, '/api/v1/status/config')).status).toBe(404);
    expect((await asked(token, '/api/v1/targets')).status).toBe(404);
  });
});

const issuer = 'https://id.plinth.localhost/realms/plinth';

/** A person's token, as the platform's command line gets it. */
const tokenOf = async (account: string): Promise<string> => {
  const answer = await signIn(issuer, credentials(`id-${account}`));
  if (typeof answer === 'string') throw new Error(`${account} can't sign in: ${answer}`);
  return answer.access_token;
};

describe.each(['prometheus', 'alertmanager', 'metrics'])('https://%s...', (name) => {
  test('tells nothing to who has not signed in', async () => {
    const { url } = endpoint(name);
    const page = await new Session().ask(`${url}/`);
    expect([page.status, new URL(page.location ?? '').origin]).toEqual([302, 'https://id.plinth.localhost']);
    for (const path of ['/api/v1/query?query=up', '/api/v2/alerts'])
      expect((await new Session().ask(`${url}${path}`)).status).toBe(401);
    const bearer = { authorization: 'Bearer not.a.token' };
    expect([401, 403]).toContain(
      (await new Session().ask(`${url}/api/v1/query?query=up`, { headers: bearer })).status,
    );
  });
});

test('an administrator signs in once and sees every series and every alert', async () => {
  const session = new Session();
  const login = credentials('id-platform-admin');
  const page = await session.signIn(`${endpoint('prometheus').url}/-/healthy`, login);
  expect([page.status, page.body]).toEqual([200, expect.stringContaining('Healthy')]);
  const query = `${endpoint('prometheus').url}/api/v1/query?query=${encodeURIComponent('up{job="mlflow"}')}`;
  expect(JSON.parse((await session.open(query)).body).data.result.length).toBeGreaterThan(0);
  const other = await session.open(`${endpoint('alertmanager').url}/`);
  expect([other.status, other.body]).toEqual([200, expect.stringContaining('Alertmanager')]);
});

test.each(['prometheus', 'alertmanager'])("a team's people are refused at %s", async (name) => {
  const session = new Session();
  const { url } = endpoint(name);
  const page = await session.signIn(`${url}/`, credentials('id-scientist-b'));
  expect(page.status).toBe(403);
  expect([401, 403]).toContain((await session.ask(`${url}/api/v1/query?query=up`)).status);
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
