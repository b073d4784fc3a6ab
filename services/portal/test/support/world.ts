import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Platform, parsePlatform } from '../../src/platform.ts';
import { Portal } from '../../src/portal.ts';
import { readSettings } from '../../src/settings.ts';
import { dagRuns, hubUser, instant, range, registered, sees, served } from './answers.ts';
import { type FakePod, jobObject, podObject, quotaObject, teamPods, workloadObject } from './cluster.ts';
import { type Account, TestIssuer } from './issuer.ts';

export const fakes = [
  'id',
  'hub',
  'mlflow',
  'airflow',
  'promoter',
  'metrics',
  'prometheus',
  'kubernetes',
] as const;
export type Fake = (typeof fakes)[number];
/** `down` breaks connections off, `slow` never answers, `strange` answers what nobody expects. */
export type Condition = 'up' | 'down' | 'slow' | 'strange';

export interface Deed {
  readonly fake: Fake;
  readonly what: string;
  readonly account: string;
  readonly body: unknown;
}

const platformOf = (url: string): Platform =>
  parsePlatform(
    JSON.stringify({
      name: 'plinth.localhost',
      teams: ['team-a', 'team-b'].map((name) => ({ name, namespace: name })),
      namespaces: ['airflow', 'gateway', 'jupyterhub', 'mlflow', 'monitoring', 'spark'],
      tools: [
        tool('Notebooks', url, 'Jupyter servers with Spark, S3 and MLflow', 'jupyterhub', 'hub'),
        tool('MLflow', url, 'Experiments, runs and registered models', 'mlflow', 'mlflow'),
        tool('Airflow', url, 'Pipelines of your teams', 'airflow', 'airflow-api-server'),
        tool('Grafana', url, 'Dashboards', 'monitoring', 'grafana'),
        {
          ...tool('Prometheus', url, 'Every series', 'monitoring', 'prometheus'),
          audience: 'administrators',
        },
        {
          ...tool('Spark history', url, 'Of team-b', 'airflow', 'airflow-scheduler'),
          audience: { team: 'team-b' },
        },
      ],
      documentation: [
        { title: 'MLflow', url: 'https://mlflow.org/docs/latest/', about: 'tracking and registry' },
      ],
    }),
  );
const tool = (title: string, url: string, about: string, namespace: string, name: string) => ({
  ...{ title, about, audience: 'everybody' as const, workload: { namespace, name } },
  url: `${url}/tools/${title.toLowerCase()}`,
});

const workloads: Readonly<Record<string, readonly string[]>> = {
  airflow: ['airflow-api-server', 'airflow-scheduler', 'airflow-dag-processor'],
  gateway: ['gateway'],
  jupyterhub: ['hub', 'hub-proxy'],
  mlflow: ['mlflow'],
  monitoring: ['prometheus', 'alertmanager'],
  spark: ['spark-operator', 'spark-history-team-a', 'spark-team-b-sign-in'],
};

/** Everything that the portal asks, on loopback, and the portal itself. */
export class World {
  readonly issuer = new TestIssuer({ name: 'scientist-a', groups: ['team-a'] });
  readonly conditions = new Map<Fake, Condition>();
  readonly deeds: Deed[] = [];
  readonly pods = teamPods();
  /** In place of what is well, by `namespace/name`. */
  readonly ill = new Map<string, object>();
  readonly platformPods = new Map<string, FakePod[]>();
  models = served();
  /** Nobody asks any model: Prometheus has no series of them. */
  idle = false;
  /** How long the hub takes to say that it stops a server, in milliseconds. */
  stopTakes = 0;
  readonly #arrivals = new Map<Fake, () => void>();
  portal: Portal | undefined;
  url = '';
  readonly #server: Server;
  #folder = '';

  constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => void this.#answer(request, response, body));
    });
  }

  static async start(variables: Readonly<Record<string, string>> = {}): Promise<World> {
    const world = new World();
    await world.issuer.prepare();
    world.#server.listen(0, '127.0.0.1');
    await once(world.#server, 'listening');
    const base = `http://127.0.0.1:${(world.#server.address() as AddressInfo).port}`;
    world.issuer.url = `${base}/id`;
    world.#folder = await mkdtemp(join(tmpdir(), 'portal-test-'));
    await writeFile(join(world.#folder, 'token'), 'token of the portal\n');
    // Its address is known when it listens: a probe finds a free port first.
    const port = await freePort();
    world.url = `http://127.0.0.1:${port}`;
    const settings = readSettings({
      ...{
        HOST: '127.0.0.1',
        PORT: String(port),
        ADMIN_PORT: '0',
        PUBLIC_URL: world.url,
        PLATFORM_FILE: 'unused',
      },
      SESSION_KEY: 'a key for sessions of thirty-two characters',
      ...{
        OIDC_ISSUER: world.issuer.url,
        OIDC_CLIENT_ID: 'portal',
        OIDC_CLIENT_SECRET: 'secret of the portal',
      },
      ...{ HUB_URL: `${base}/hub`, HUB_TOKEN: 'token of the portal at the hub' },
      ...{ MLFLOW_URL: `${base}/mlflow`, AIRFLOW_URL: `${base}/airflow`, PROMOTER_URL: `${base}/promoter` },
      ...{ METRICS_URL: `${base}/metrics`, PROMETHEUS_URL: `${base}/prometheus` },
      ...{ KUBERNETES_URL: `${base}/kubernetes`, SERVICE_ACCOUNT_FOLDER: world.#folder },
      // A busy machine is no mistake of whom is asked.
      UPSTREAM_MILLISECONDS: '30000',
      ...variables,
    });
    world.portal = new Portal({ settings, platform: platformOf(base), logger: pino({ level: 'silent' }) });
    await world.portal.start();
    return world;
  }

  /** Resolves when one of them is asked the next time. */
  asked(fake: Fake): Promise<void> {
    return new Promise((resolve) => this.#arrivals.set(fake, resolve));
  }

  async stop(): Promise<void> {
    await this.portal?.stop();
    this.#server.close();
    this.#server.closeAllConnections();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const [, name = '', rest = ''] = /^\/([^/]+)(.*)$/.exec(request.url ?? '') ?? [];
    const fake = name as Fake;
    this.#arrivals.get(fake)?.();
    const condition = this.conditions.get(fake) ?? 'up';
    if (condition === 'slow') return;
    if (condition === 'down') return void request.socket.destroy();
    if (condition === 'strange') return void response.writeHead(200).end('<html>not what you think</html>');
    if (fake === 'id') return this.issuer.answer(request, response, rest, body);
    if (fake === 'hub' && request.method === 'DELETE')
      await new Promise((resolve) => setTimeout(resolve, this.stopTakes));
    const [status, content] = this.#contentOf(fake, request, rest, body);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
  }

  #contentOf(fake: Fake, request: IncomingMessage, path: string, body: string): readonly [number, unknown] {
    const { authorization = '' } = request.headers;
    const method = request.method ?? 'GET';
    const deed = (account: string) =>
      this.deeds.push({
        fake,
        what: `${method} ${path}`,
        account,
        body: body === '' ? undefined : JSON.parse(body),
      });
    if (fake === 'kubernetes')
      return authorization === 'Bearer token of the portal'
        ? this.#kubernetes(method, path, deed)
        : [401, {}];
    if (fake === 'hub')
      return authorization === 'token token of the portal at the hub'
        ? this.#hub(method, path, deed)
        : [403, {}];
    const account = this.issuer.tokens.get(authorization.replace(/^Bearer (airflow:)?/, ''));
    if (account === undefined) return [401, {}];
    const { pathname, searchParams } = new URL(path, 'http://fake');
    switch (fake) {
      case 'promoter':
        return this.#promoter(method, pathname, account, body, deed);
      case 'mlflow': {
        const team = String(request.headers['x-mlflow-workspace']);
        return sees(account, team) ? [200, { registered_models: registered[team] ?? [] }] : [403, {}];
      }
      case 'airflow':
        if (pathname === '/auth/token') return [201, { access_token: `airflow:${authorization.slice(7)}` }];
        return authorization.startsWith('Bearer airflow:') ? [200, dagRuns(account)] : [401, {}];
      default:
        if (fake === 'prometheus' && !account.groups.includes('platform-admins')) return [403, {}];
        if (this.idle) return [200, { status: 'success', data: { result: [] } }];
        return [
          200,
          pathname.endsWith('query_range')
            ? range(account, searchParams)
            : instant(account, searchParams.get('query') ?? ''),
        ];
    }
  }

  #promoter(
    method: string,
    path: string,
    account: Account,
    body: string,
    deed: (account: string) => void,
  ): readonly [number, unknown] {
    const mine = this.models.filter(({ team }) => sees(account, team));
    if (method === 'GET') return [200, { models: mine }];
    const [, , name = ''] = path.split('/');
    const known = mine.find((model) => model.name === name);
    if (known === undefined) return [404, { error: `none of your teams has a model ${name}` }];
    const { version } = JSON.parse(body) as { version?: string };
    if (version !== undefined && version !== (known.rollout?.version ?? known.serving))
      return [409, { error: `version ${version} is neither on its way nor serves` }];
    deed(account.name);
    return name === 'churn' ? [409, { error: 'no version served before this one' }] : [202, {}];
  }

  #hub(method: string, path: string, deed: (account: string) => void): readonly [number, unknown] {
    const [, , , , person = ''] = path.split('/');
    const user = hubUser(person);
    if (user === undefined) return [404, {}];
    if (method === 'GET') return [200, user];
    deed(person);
    return [202, null];
  }

  #kubernetes(method: string, path: string, deed: (account: string) => void): readonly [number, unknown] {
    const { pathname } = new URL(path, 'http://fake');
    const [, namespace = '', kind = '', name] =
      /\/namespaces\/([^/]+)\/([^/]+)(?:\/(.+))?$/.exec(pathname) ?? [];
    if (method === 'DELETE') {
      deed('');
      const all = this.pods[namespace] ?? [];
      this.pods[namespace] = all.filter((pod) => pod.name !== name);
      return [200, {}];
    }
    const one = (make: (space: string, name: string) => object, names: readonly string[]) =>
      names.map((each) => this.ill.get(`${namespace}/${each}`) ?? make(namespace, each));
    const items: Readonly<Record<string, () => readonly object[]>> = {
      deployments: () => one(workloadObject, workloads[namespace] ?? []),
      statefulsets: () => [],
      jobs: () => one(jobObject, namespace === 'mlflow' ? ['mlflow-migrate'] : []),
      pods: () =>
        [...(this.pods[namespace] ?? []), ...(this.platformPods.get(namespace) ?? [])].map((pod) =>
          podObject(namespace, pod),
        ),
      resourcequotas: () => [quotaObject(namespace)],
    };
    return [200, { items: items[kind]?.() ?? [] }];
  }
}

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
};
