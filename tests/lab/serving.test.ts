import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { environments } from '../../environments/index.ts';
import { neededImages } from '../../lab/images/needed.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { synthesize } from '../../platform/synthesis/index.ts';
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

interface Labelled {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

/** The objects of local with these versions served: what differs from local is the model's. */
const manifests = (versions: readonly number[]): readonly object[] => {
  const weights = [90, 10];
  const predictors = versions.map((version, index) => ({
    name: `v${version}`,
    source: { kind: 'registry' as const, model: name, version },
    weight: weights[index] ?? 0,
    cpu: 0.05,
    memoryMiB: 640,
  }));
  const models = predictors.length === 0 ? [] : [{ name, team: 'team-a', predictors }];
  const input = { ...local, serving: { ...local?.serving, models } } as EnvironmentInput;
  return synthesize(compose(parseEnvironment('local', input)).app)
    .flatMap(({ objects }) => objects)
    .map(({ manifest }) => manifest as Labelled)
    .filter(
      ({ kind, metadata }) =>
        metadata.labels?.['plinth.dev/model'] === name ||
        (kind === 'ConfigMap' && metadata.name === 'inference-routes'),
    );
};

const apply = (versions: readonly number[]): Promise<string> =>
  kubectl(
    ['apply', '--server-side', '--force-conflicts', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests(versions) }),
  );

const query = async (expr: string): Promise<number> => {
  const path = `/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query?query=${encodeURIComponent(expr)}`;
  const { data } = JSON.parse(await kubectl(['get', '--raw', path])) as {
    data: { result: readonly { value: readonly [number, string] }[] };
  };
  return Number(data.result[0]?.value[1] ?? 0);
};

/** Only where nodes have what models run on: the lab imports the images that its own pods name. */
const served = local?.serving?.kind === 'mlserver' && neededImages().includes('model-server');

(served ? describe : describe.skip)('a model that the MLflow client logged and registered', () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, ca: readFileSync(labFile('ca.crt')) });
  let versions: readonly number[] = [];
  beforeAll(async () => {
    versions = (JSON.parse(await client('log_model.py', [name])) as { versions: number[] }).versions;
    await apply(versions);
    await eventually(
      'its pods are ready',
      () =>
        kubectlJson<{ items: readonly { status: { readyReplicas?: number } }[] }>([
          ...['get', 'deployments', '-n', 'team-a', '-l', selector],
        ]),
      ({ items }) => items.length === 2 && items.every(({ status }) => status.readyReplicas === 1),
      900,
    );
    // The kubelet brings a changed ConfigMap within a minute or two, and at once to a pod that itself changes.
    await kubectl([
      ...['annotate', 'pods', '-n', 'serving', '-l', 'app.kubernetes.io/name=inference-gateway'],
      ...['--overwrite', `plinth.dev/routes=${versions.join('-')}`],
    ]);
    const token = await tokenOf('team-a');
    // Both replicas must have read the routes; each answers every other connection.
    let known = 0;
    await eventually(
      'both replicas of the gateway know it',
      () => predict(new Agent({ ca: readFileSync(labFile('ca.crt')) }), token),
      ({ status }) => {
        known = status === 200 ? known + 1 : 0;
        return known >= 10;
      },
      300,
    );
  });
  afterAll(async () => {
    agent.destroy();
    await apply([]);
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
    const person = await signIn('https://id.plinth.localhost/realms/plinth', credentials('id-scientist-b'));
    if (typeof person === 'string') throw new Error(`scientist-b can't sign in: ${person}`);
    expect((await predict(agent, person.access_token)).status).toBe(403);
  });

  test('gives its canary at weight 10 between 70 and 130 of 1,000 requests', async () => {
    let token = await tokenOf('team-a');
    const counts = new Map<string, number>();
    for (let sent = 0; sent < 1000; sent += 50) {
      // A token lives two minutes.
      if (sent % 200 === 0) token = await tokenOf('team-a');
      const answers = await Promise.all(Array.from({ length: 50 }, () => predict(agent, token)));
      for (const { status, body: answer } of answers) {
        const key = status === 200 ? (answer.model_version ?? '?') : String(status);
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    const [stable = 0, canary = 0] = versions;
    expect([...counts.keys()].sort()).toEqual([String(stable), String(canary)].sort());
    expect(counts.get(String(canary))).toBeGreaterThanOrEqual(70);
    expect(counts.get(String(canary))).toBeLessThanOrEqual(130);
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
