import { readFileSync } from 'node:fs';
import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image, reference } from '../catalogue/index.ts';
import {
  connect,
  type DatabaseKey,
  derived,
  type Endpoint,
  type Issuer,
  joined,
  type Observable,
  type OidcClient,
  type PostgresServer,
  type SecretRef,
  SecretRequest,
  type SecretValue,
  value,
  type WebGateway,
} from '../contracts/index.ts';
import {
  BatchJob,
  ComponentChart,
  ConfigFiles,
  clusterChoices,
  type Home,
  Pods,
  StatefulService,
} from '../kit/index.ts';
import { alerts, recordings } from './alerts.ts';
import { proxyService } from './proxy.ts';
import { type HubService, serviceTokens } from './services.ts';
import {
  component,
  hubPorts,
  hubSettings,
  type NotebookSettings,
  proxyPorts,
  type TeamNotebooks,
  userPort,
} from './settings.ts';
import { TeamNotebooksChart } from './team.ts';

export type { HubService } from './services.ts';
export type { NotebookSettings, TeamNotebooks, Workspace } from './settings.ts';

export interface JupyterHubProps {
  readonly home: Home;
  readonly database: PostgresServer;
  readonly issuer: Issuer;
  readonly gateway: WebGateway;
  readonly kubernetes: Endpoint<'kubernetes'>;
  readonly settings: NotebookSettings;
  /** At least one. */
  readonly teams: readonly TeamNotebooks[];
  /** Programs of the platform's own that ask the hub's API, each with a token of its own. */
  readonly services?: readonly HubService[];
  readonly generations: { readonly database: number; readonly client: number; readonly keys: number };
}

type Keys = 'cookieSecret' | 'cryptKeys' | 'proxyToken';

const userId = 65_532;
const folder = '/etc/jupyterhub';
const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8');
const hubFiles = [
  'jupyterhub_config.py',
  'plinth_access.py',
  'plinth_images.py',
  'plinth_reasons.py',
  'plinth_sign_in.py',
  'plinth_spawner.py',
];

/**
 * JupyterHub and its proxy. Each person's server is a pod in a namespace of one of the person's teams, with what the
 * team has; the hub itself may do nothing elsewhere.
 */
export class JupyterHub extends ComponentChart {
  readonly observable: Observable;
  readonly #props: JupyterHubProps;

  constructor(scope: Construct, props: JupyterHubProps) {
    super(scope, 'jupyterhub', { home: props.home });
    this.#props = props;
    const hubPods = new Pods(this, 'HubPods', {
      name: 'hub',
      component,
      userId,
      usesKubernetesApi: true,
      graceSeconds: 30,
    });
    const proxyPods = new Pods(this, 'ProxyPods', { name: 'hub-proxy', component, userId });
    const charts = this.#prepareTeams(scope, hubPods, proxyPods);
    this.node.addDependency(...charts);
    connect(hubPods, props.kubernetes);
    const keys = this.#keys(props.generations.keys);
    for (const pods of [hubPods, proxyPods]) {
      pods.startAfter(keys);
      pods.rollWith('jupyterhub-keys', props.generations.keys);
    }
    // The hub's own address is known before it has containers: the proxy sends there what has no other route.
    const hubEndpoint = this.#endpoint(hubPods, hubPorts.http);
    connect(proxyPods, hubEndpoint);
    for (const { pods } of charts) connect(pods, hubEndpoint);
    const proxy = proxyService(this, { pods: proxyPods, hub: hubEndpoint, token: keys.ref });
    connect(hubPods, proxy.endpoint('http', 'api'));
    hubPods.startAfter(proxy.statefulSet);
    const hub = this.#hub(hubPods, keys.ref, hubEndpoint);
    props.gateway.expose(this, {
      name: 'hub',
      endpoint: proxy.endpoint('http', 'http'),
      health: '/hub/health',
    });
    this.observable = { metrics: [hub.metrics('metrics'), proxy.metrics('metrics')], recordings, alerts };
  }

  #endpoint(pods: Pods, port: number): Endpoint<'http'> {
    const host = `${pods.name}.${pods.namespace}.svc.cluster.local`;
    return { kind: 'http', host, port, peer: pods.peer, serverConnections: pods.connections };
  }

  #prepareTeams(scope: Construct, hub: Pods, proxy: Pods): readonly TeamNotebooksChart[] {
    const { teams } = this.#props;
    return teams.map((team) => {
      const chart = new TeamNotebooksChart(scope, team, hub);
      for (const caller of [hub, proxy]) {
        caller.connections.allowTo(chart.pods.peer, userPort);
        chart.pods.connections.allowFrom(caller.peer, userPort);
      }
      return chart;
    });
  }

  /** A new generation signs everybody out; what former ones encrypted is still read, and written anew with this one. */
  #keys(generation: number): SecretRequest<Keys> {
    const key = (name: string, which: number): SecretValue =>
      derived({ owner: 'jupyterhub', role: 'keys', key: name, generation: which }, 'hex');
    const cryptKeys = Array.from({ length: generation }, (_, index) => key('cryptKey', generation - index));
    return new SecretRequest(this, 'Keys', {
      namespace: this.home.name,
      name: 'jupyterhub-keys',
      generation,
      values: {
        cookieSecret: key('cookieSecret', generation),
        cryptKeys: joined(...cryptKeys.flatMap((each, index) => (index === 0 ? [each] : [';', each]))),
        proxyToken: key('proxyToken', generation),
      },
    });
  }

  #hub(pods: Pods, keys: SecretRef<Keys>, endpoint: Endpoint<'http'>): StatefulService {
    const { database, issuer, gateway, settings, services = [], generations } = this.#props;
    const publicUrl = `https://hub.${gateway.domain}`;
    const login = { database: 'jupyterhub', generation: generations.database };
    const owner = database.grantOwner(pods, login);
    this.#upgradeFirst(pods, login);
    const client = issuer.client(pods, {
      clientId: 'jupyterhub',
      generation: generations.client,
      redirectUris: [`${publicUrl}/hub/oauth_callback`],
    });
    const files = this.#files(publicUrl, endpoint, client);
    const { authority } = client;
    return new StatefulService(this, 'Hub', {
      pods,
      containers: [
        {
          name: 'hub',
          image: image('jupyterhub'),
          command: ['jupyterhub', `--config=${folder}/jupyterhub_config.py`],
          env: {
            ...hubEnv(owner, client, keys),
            ...serviceTokens(this, pods, services),
            ...Object.fromEntries(
              settings.images.map((each) => [
                `IMAGE_${each.name.toUpperCase().replaceAll('-', '_')}`,
                value(reference(each.image, clusterChoices(this).imageRegistry)),
              ]),
            ),
          },
          ports: hubPorts,
          size: { cpu: Cpu.millis(50), memory: Size.mebibytes(384), memoryLimit: Size.mebibytes(1024) },
          mounts: [
            { path: folder, from: { kind: 'files', files }, readOnly: true },
            ...(authority === undefined
              ? []
              : [
                  {
                    path: '/etc/plinth/oidc',
                    from: { kind: 'secret', secret: authority },
                    readOnly: true,
                  } as const,
                ]),
          ],
          probe: { kind: 'http', port: hubPorts.http, path: '/hub/health', startSeconds: 600 },
        },
      ],
    });
  }

  #files(publicUrl: string, hub: Endpoint<'http'>, client: OidcClient): ConfigFiles {
    const { settings, services = [], teams } = this.#props;
    const told = hubSettings({
      publicUrl,
      hubUrl: `http://${hub.host}:${hub.port}`,
      proxyUrl: `http://hub-proxy.${this.home.name}.svc.cluster.local:${proxyPorts.api}`,
      issuer: client,
      settings,
      teams,
      services,
      cluster: clusterChoices(this),
    });
    return new ConfigFiles(this, 'Files', {
      name: 'jupyterhub',
      files: {
        ...Object.fromEntries(hubFiles.map((name) => [name, file(name)])),
        'platform.json': `${JSON.stringify(told, null, 2)}\n`,
      },
    });
  }

  #upgradeFirst(hub: Pods, login: { readonly database: string; readonly generation: number }): void {
    const pods = new Pods(this, 'UpgradePods', { name: 'jupyterhub-upgrade', component, userId });
    const files = new ConfigFiles(this, 'UpgradeFiles', {
      name: 'jupyterhub-upgrade',
      files: { 'upgrade_config.py': file('upgrade_config.py') },
    });
    const database = this.#props.database.grantOwner(pods, login);
    const job = new BatchJob(this, 'Upgrade', {
      pods,
      deadline: Duration.minutes(15),
      container: {
        name: 'upgrade',
        image: image('jupyterhub'),
        command: ['jupyterhub', 'upgrade-db', '--config=/upgrade/upgrade_config.py'],
        env: { HOME: value('/tmp'), DATABASE_URL: database.env('sqlalchemyUrl') },
        size: { cpu: Cpu.millis(20), memory: Size.mebibytes(256) },
        mounts: [{ path: '/upgrade', from: { kind: 'files', files }, readOnly: true }],
      },
    });
    hub.startAfter(job);
  }
}

const hubEnv = (database: SecretRef<DatabaseKey>, client: OidcClient, keys: SecretRef<Keys>) => ({
  HOME: value('/tmp'),
  PYTHONPATH: value(folder),
  PLATFORM_FILE: value(`${folder}/platform.json`),
  DATABASE_URL: database.env('sqlalchemyUrl'),
  OIDC_CLIENT_SECRET: client.secret.env('clientSecret'),
  JPY_COOKIE_SECRET: keys.env('cookieSecret'),
  JUPYTERHUB_CRYPT_KEY: keys.env('cryptKeys'),
  CONFIGPROXY_AUTH_TOKEN: keys.env('proxyToken'),
});
