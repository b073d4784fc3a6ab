import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { environments } from '../../environments/index.ts';
import { neededImages } from '../../lab/images/needed.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { synthesize } from '../../platform/synthesis/index.ts';
import { alone } from '../alone.ts';
import { machineToken, signIn } from './sign-in.ts';
import {
  client,
  credentials,
  endpoint,
  eventually,
  kubectl,
  kubectlJson,
  labFile,
  secretValue,
} from './support.ts';

// A model's pods fetch it and import MLflow: minutes on a machine that does other things too.
jest.setTimeout(20 * 60_000);

const local = environments['local'];
const name = 'lab-distances';
const selector = `plinth.dev/model=${name}`;

interface Answer {
  readonly status: number;
  readonly body: {
    readonly error?: string;
    readonly model_version?: string;
    readonly outputs?: readonly { readonly data: readonly number[] }[];
  };
}

const tokenOf = async (team: string): Promise<string> =>
  machineToken(`https://id.plinth.localhost/realms/plinth`, {
    clientId: await secretValue(team, `${team}-oidc`, 'clientId'),
    clientSecret: await secretValue(team, `${team}-oidc`, 'clientSecret'),
  });

const body = JSON.stringify({
  inputs: [
    { name: 'distance', shape: [1, 1], datatype: 'FP64', data: [500] },
    { name: 'hour', shape: [1, 1], datatype: 'FP64', data: [12] },
  ],
});

const predict = (agent: Agent, token?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      `${endpoint('models').url}/v2/models/${name}/infer`,
      {
        method: 'POST',
        agent,
        timeout: 60_000,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const json = text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : { error: text };
          resolve({ status: response.statusCode ?? 0, body: json });
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer within a minute')));
    sent.on('error', reject);
    sent.end(body);
  });

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
}

interface Route {
  readonly predictors: readonly { readonly url: string; readonly weight: number }[];
}

/** What serves these versions of the model in local's team-a, and the route to it. */
const deployed = (versions: readonly number[]): { objects: readonly Manifest[]; route: Route } => {
  const weights = [90, 10];
  const predictors = versions.map((version, index) => ({
    name: `v${version}`,
    source: { kind: 'registry' as const, model: name, version },
    weight: weights[index] ?? 0,
    cpu: 0.05,
    memoryMiB: 640,
  }));
  const models = [{ name, team: 'team-a', predictors }];
  const input = { ...local, serving: { ...local?.serving, models } } as EnvironmentInput;
  const all = synthesize(compose(parseEnvironment('local', input)).app)
    .flatMap(({ objects }) => objects)
    .map(({ manifest }) => manifest as Manifest);
  const routes = all.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'inference-routes',
  );
  const { models: routed } = JSON.parse(routes?.data?.['routes.json'] ?? '') as {
    models: Readonly<Record<string, Route>>;
  };
  const route = routed[name];
  if (route === undefined) throw new Error(`no route to ${name}`);
  return { objects: all.filter(({ metadata }) => metadata.labels?.['plinth.dev/model'] === name), route };
};

const apply = (items: readonly object[]): Promise<string> =>
  kubectl(
    ['apply', '--server-side', '--field-manager=lab-serving', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  );

/** Routes requests as whoever rolls a version out does: in a key of its own; undefined takes it back. */
const routeBy = (route: Route | undefined): Promise<string> =>
  apply([
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'inference-routes', namespace: 'serving' },
      ...(route === undefined ? {} : { data: { [`${name}.json`]: JSON.stringify(route) } }),
    },
  ]);

/** The same route with these weights, and with another address of the second predictor. */
const changed = (route: Route, weights: readonly number[], url?: string): Route => ({
  ...route,
  predictors: route.predictors.map((each, index) => ({
    ...each,
    weight: weights[index] ?? 0,
    ...(index === 1 && url !== undefined ? { url } : {}),
  })),
});

const query = async (expr: string): Promise<number> => {
  const path = `/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query?query=${encodeURIComponent(expr)}`;
  const { data } = JSON.parse(await kubectl(['get', '--raw', path])) as {
    data: { result: readonly { value: readonly [number, string] }[] };
  };
  return Number(data.result[0]?.value[1] ?? 0);
};

/** Whether these versions answered everything, be it not all of them. */
const only =
  (versions: readonly number[]) =>
  (counts: ReadonlyMap<string, number>): boolean =>
    [...counts.keys()].every((key) => versions.map(String).includes(key));

/** Only where nodes have what models run on: the lab imports the images that its own pods name. */
const served = local?.serving?.kind === 'mlserver' && neededImages().includes('model-server');

(served ? describe : describe.skip)('a model that the MLflow client logged and registered', () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, ca: readFileSync(labFile('ca.crt')) });
  let versions: readonly number[] = [];
  let route: Route = { predictors: [] };

  /** As many answers, by the version that gave them or by status; eight at a time. */
  const answersOf = async (count: number): Promise<ReadonlyMap<string, number>> => {
    const counts = new Map<string, number>();
    let token = '';
    for (let sent = 0; sent < count; sent += 50) {
      // A token lives two minutes.
      if (sent % 200 === 0) token = await tokenOf('team-a');
      const answers = await Promise.all(
        Array.from({ length: Math.min(50, count - sent) }, () => predict(agent, token)),
      );
      for (const { status, body: answer } of answers) {
        const key = status === 200 ? (answer.model_version ?? '?') : String(status);
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    return counts;
  };

  beforeAll(async () => {
    versions = (JSON.parse(await client('log_model.py', [name])) as { versions: number[] }).versions;
    const made = deployed(versions);
    route = made.route;
    await apply(made.objects);
    await eventually(
      'its pods are ready',
      () =>
        kubectlJson<{ items: readonly { status: { readyReplicas?: number } }[] }>([
          ...['get', 'deployments', '-n', 'team-a', '-l', selector],
        ]),
      ({ items }) => items.length === 2 && items.every(({ status }) => status.readyReplicas === 1),
      900,
    );
    await routeBy(route);
    // Both replicas must have read the routes; each answers every other request of a connection.
    await eventually('both replicas of the gateway know it', () => answersOf(10), only(versions), 120);
  });
  afterAll(async () => {
    agent.destroy();
    await routeBy(undefined);
    const kinds = 'deployments,services,poddisruptionbudgets,horizontalpodautoscalers';
    await kubectl(['delete', kinds, '-n', 'team-a', '-l', selector, '--ignore-not-found']);
  });

  test("answers a V2 predict with its team's token", async () => {
    const { status, body: answer } = await predict(agent, await tokenOf('team-a'));
    expect({ status, answer }).toMatchObject({ status: 200, answer: { model_name: name } });
    const value = answer.outputs?.[0]?.data[0] ?? 0;
    expect([500, 1000]).toContain(Math.round(value));
  });

  test("answers 401 without a token, and 403 with the other team's", async () => {
    expect((await predict(agent)).status).toBe(401);
    expect((await predict(agent, 'not-a-token')).status).toBe(401);
    expect((await predict(agent, await tokenOf('team-b'))).status).toBe(403);
  });

  test("answers 403 to another team's person", async () => {
    const person = await alone('accounts', () =>
      signIn('https://id.plinth.localhost/realms/plinth', credentials('id-scientist-b')),
    );
    if (typeof person === 'string') throw new Error(`scientist-b can't sign in: ${person}`);
    expect((await predict(agent, person.access_token)).status).toBe(403);
  });

  test('gives its canary at weight 10 between 70 and 130 of 1,000 requests', async () => {
    const counts = await answersOf(1000);
    const [, canary = 0] = versions;
    expect([...counts.keys()].sort()).toEqual(versions.map(String).sort());
    expect(counts.get(String(canary))).toBeGreaterThanOrEqual(70);
    expect(counts.get(String(canary))).toBeLessThanOrEqual(130);
  });

  test('is answered by other weights within seconds, in both replicas', async () => {
    const [, canary = 0] = versions;
    await routeBy(changed(route, [0, 100]));
    await eventually('the canary answers all', () => answersOf(20), only([canary]), 120);
    await routeBy(route);
  });

  test('is answered by its stable predictor where a candidate is gone, and that is counted', async () => {
    const [stable = 0] = versions;
    await routeBy(changed(route, [50, 50], 'http://nobody.team-a.svc.cluster.local:8080'));
    await eventually('the stable predictor answers all', () => answersOf(20), only([stable]), 120);
    expect(only([stable])(await answersOf(20))).toBe(true);
    await eventually(
      'fall-backs are counted',
      () => query(`sum(plinth_gateway_fallbacks_total{model="${name}",reason="unreachable"})`),
      (count) => count >= 5,
    );
    await routeBy(route);
  });

  test('is counted and timed in Prometheus, by version, and its pods tell of their own', async () => {
    const labels = `model="${name}",version="${versions[0]}"`;
    await eventually(
      'its requests are counted',
      () => query(`sum(plinth_gateway_requests_total{${labels},code="200"})`),
      (count) => count >= 800,
    );
    expect(await query(`sum(plinth_gateway_request_seconds_count{${labels}})`)).toBeGreaterThanOrEqual(800);
    await eventually(
      "its pods' own count",
      () => query(`sum(model_infer_request_success_total{team="team-a",model="${name}"})`),
      (count) => count >= 900,
    );
  });
});
