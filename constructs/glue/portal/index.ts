import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../../catalogue/index.ts';
import {
  administrators,
  connect,
  derived,
  type Endpoint,
  type EnvSource,
  type Exposure,
  type Issuer,
  type Observable,
  type OidcClient,
  type SecretRef,
  SecretRequest,
  type SecretValue,
  type TeamSpace,
  value,
  type WebGateway,
} from '../../contracts/index.ts';
import {
  ComponentChart,
  ConfigFiles,
  descriptionOf,
  type Home,
  HttpService,
  healthProbe,
  type Mount,
  Pods,
  serviceEndpoint,
} from '../../kit/index.ts';
import { portalRights } from './rights.ts';

/** Something to open: who may use it, and what it is for in a few words. */
export interface PortalTool {
  readonly title: string;
  readonly about: string;
  readonly exposure: Exposure;
  readonly audience: 'everybody' | 'administrators' | { readonly team: string };
}

export interface PortalLink {
  readonly title: string;
  readonly url: string;
  readonly about?: string;
}

/** Services that the page asks, by the variable of service.json that names each. */
export type PortalSource =
  | 'HUB_URL'
  | 'MLFLOW_URL'
  | 'AIRFLOW_URL'
  | 'PROMOTER_URL'
  | 'METRICS_URL'
  | 'PROMETHEUS_URL';

export interface PortalProps {
  readonly home: Home;
  readonly issuer: Issuer;
  /** Everything but the Kubernetes API is asked at its public address, with the token of whoever looks. */
  readonly gateway: WebGateway;
  readonly kubernetes: Endpoint<'kubernetes'>;
  readonly teams: readonly (TeamSpace & { readonly home: Home })[];
  /** What the access tokens of people must carry as `aud`, so that those services take them. */
  readonly audiences: readonly string[];
  /** The token that the hub knows it by; unset: there is no hub. */
  readonly hub: { readonly token: SecretValue; readonly generation: number } | undefined;
  readonly generations: Readonly<Record<'client' | 'session', number>>;
}

/** What is known only when everything else is composed. */
export interface PortalView {
  /** With the platform's own workloads. */
  readonly namespaces: readonly Home[];
  readonly tools: readonly PortalTool[];
  readonly documentation: readonly PortalLink[];
  readonly sources: Readonly<Partial<Record<PortalSource, string>>>;
  /** Whether there are Spark sessions to stop. */
  readonly spark: boolean;
}

const service = descriptionOf<'http' | 'admin'>('portal');
const folder = '/etc/portal';
const trustFolder = '/etc/plinth/authority';
type Keys = 'session' | 'hubToken' | 'ca.crt';

/** services/portal: the first page, at the environment's own address. */
export class Portal extends ComponentChart implements Observable {
  readonly exposure: Exposure;
  readonly metrics: Observable['metrics'];
  readonly #props: PortalProps;
  readonly #pods: Pods;
  readonly #client: OidcClient;
  readonly #keys: SecretRef<Keys>;

  constructor(scope: Construct, props: PortalProps) {
    super(scope, 'portal', { home: props.home });
    this.#props = props;
    const { gateway, issuer, generations } = props;
    const pods = new Pods(this, 'Pods', {
      name: service.name,
      component: 'portal',
      userId: 65_532,
      usesKubernetesApi: true,
      graceSeconds: service.stopSeconds + 10,
    });
    this.#pods = pods;
    const { namespace, labels, connections } = pods;
    const { path } = service.metrics;
    this.metrics = [{ job: service.name, namespace, labels, port: service.ports.admin, path, connections }];
    connect(pods, props.kubernetes);
    connect(pods, gateway.entrance);
    this.exposure = gateway.expose(this, {
      name: service.name,
      root: true,
      endpoint: serviceEndpoint(pods, 'http', service.ports.http),
      health: '/healthz',
    });
    this.#client = issuer.client(pods, {
      clientId: service.name,
      generation: generations.client,
      redirectUris: [`${this.exposure.url}/sign-in/callback`, `${this.exposure.url}/`],
      audiences: props.audiences,
    });
    this.#keys = this.#makeKeys();
  }

  /** Runs it. Comes last, because the page shows everything that is there. */
  run(view: PortalView): void {
    const { teams } = this.#props;
    this.node.addDependency(...view.namespaces, ...teams.map(({ home }) => home));
    const { name, namespace } = this.#pods;
    const rights = portalRights(this, {
      account: { name, namespace },
      namespaces: view.namespaces.map((home) => home.name),
      teams: teams.map((team) => team.namespace),
      spark: view.spark,
    });
    this.#pods.startAfter(...rights);
    const files = new ConfigFiles(this, 'Files', {
      name: service.name,
      files: { 'platform.json': this.#platform(view) },
    });
    new HttpService(this, 'Service', {
      pods: this.#pods,
      replicas: 1,
      containers: [
        {
          name: service.name,
          image: image('portal'),
          env: this.#env(view),
          ports: service.ports,
          mounts: [{ path: folder, from: { kind: 'files', files }, readOnly: true }, ...this.#trust()],
          probe: healthProbe(service),
          size: { cpu: Cpu.millis(20), memory: Size.mebibytes(64), memoryLimit: Size.mebibytes(192) },
        },
      ],
    });
  }

  #env({ sources }: PortalView): Readonly<Record<string, EnvSource>> {
    const { secret } = this.#client;
    const { hub, gateway } = this.#props;
    return {
      PORT: value(String(service.ports.http)),
      ADMIN_PORT: value(String(service.ports.admin)),
      PUBLIC_URL: value(this.exposure.url),
      PLATFORM_FILE: value(`${folder}/platform.json`),
      SESSION_KEY: this.#keys.env('session'),
      OIDC_ISSUER: secret.env('issuer'),
      OIDC_CLIENT_ID: secret.env('clientId'),
      OIDC_CLIENT_SECRET: secret.env('clientSecret'),
      ADMIN_GROUP: value(administrators),
      ...Object.fromEntries(
        Object.entries(sources)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, url]) => [name, value(url)]),
      ),
      ...(hub === undefined ? {} : { HUB_TOKEN: this.#keys.env('hubToken') }),
      ...(gateway.authority === undefined ? {} : { NODE_EXTRA_CA_CERTS: value(`${trustFolder}/ca.crt`) }),
    };
  }

  #trust(): readonly Mount[] {
    return this.#props.gateway.authority === undefined
      ? []
      : [{ path: trustFolder, from: { kind: 'secret', secret: this.#keys }, readOnly: true }];
  }

  /** platform.json, as services/portal/src/platform.ts reads it. */
  #platform({ namespaces, tools, documentation }: PortalView): string {
    const content = {
      name: this.#props.gateway.domain,
      teams: this.#props.teams.map(({ name, namespace }) => ({ name, namespace })),
      namespaces: namespaces.map(({ name }) => name),
      tools: tools.map(({ title, about, exposure, audience }) => ({
        ...{ title, about, audience },
        url: exposure.url,
        workload: exposure.workload,
      })),
      documentation,
    };
    return `${JSON.stringify(content, null, 2)}\n`;
  }

  /** Encrypts sessions: with another generation everybody signs in again, which nobody notices who is at the issuer. */
  #makeKeys(): SecretRef<Keys> {
    const { hub, gateway, generations } = this.#props;
    const generation = generations.session;
    const values = {
      session: derived({ owner: service.name, role: 'session', key: 'key', generation }),
      ...(hub === undefined ? {} : { hubToken: hub.token }),
      ...(gateway.authority === undefined ? {} : { 'ca.crt': gateway.authority }),
    } as Readonly<Record<Keys, SecretValue>>;
    const request = new SecretRequest(this, 'Keys', {
      ...{ namespace: this.home.name, name: 'portal-keys', generation, values },
    });
    this.#pods.startAfter(request);
    this.#pods.rollWith('portal-keys', generation);
    if (hub !== undefined) this.#pods.rollWith('portal-hub', hub.generation);
    return request.ref;
  }
}
