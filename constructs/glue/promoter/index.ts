import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct, IDependable } from 'constructs';
import { image } from '../../catalogue/index.ts';
import {
  type AlertHandler,
  administrators,
  type Consumer,
  connect,
  derived,
  type Endpoint,
  type EnvSource,
  type Issuer,
  type Observable,
  type OidcClient,
  type PostgresServer,
  type PredictorTemplates,
  type SecretRef,
  SecretRequest,
  type TeamSpace,
  type TokenVerifier,
  type TrackingServer,
  value,
} from '../../contracts/index.ts';
import {
  ComponentChart,
  ConfigFiles,
  type ContainerProps,
  descriptionOf,
  type Home,
  HttpService,
  healthProbe,
  type Mount,
  migrateFirst,
  Pods,
  serviceEndpoint,
} from '../../kit/index.ts';
import { alerts } from './alerts.ts';
import { policiesFile, type RolloutPolicies } from './policies.ts';
import { type RetrainingProps, retraining } from './retraining.ts';
import { promoterRights } from './rights.ts';

export type { RolloutGates, RolloutPolicies, RolloutPolicy, RolloutStep } from './policies.ts';

export interface PromotedTeam {
  readonly space: TeamSpace & Consumer & { readonly home: Home };
  readonly templates: PredictorTemplates;
}

export interface PromoterProps {
  readonly home: Home;
  readonly database: PostgresServer;
  readonly issuer: Issuer;
  readonly tracking: TrackingServer;
  readonly kubernetes: Endpoint<'kubernetes'>;
  readonly teams: readonly PromotedTeam[];
  readonly rollouts: {
    readonly policies: RolloutPolicies;
    /** Models that the environment deploys itself. */
    readonly declared: readonly string[];
    /** The inference gateway, whose ConfigMap of routes it writes its own keys to. */
    readonly routes: { readonly configMap: string; readonly chart: ComponentChart };
  };
  readonly generations: Readonly<Record<'database' | 'client' | 'webhook', number>>;
}

const service = descriptionOf<'http' | 'admin'>('promoter');

/** Who callers' tokens must be for, and its own client at the issuer. */
const audience = 'promoter';
const folder = '/etc/promoter';
const trustFolder = '/etc/plinth/authority';

/**
 * services/promoter: an alias in the registry becomes a rollout. One replica: a second one would only wait for the
 * first one's locks.
 */
export class Promoter extends ComponentChart implements Observable {
  readonly endpoint: Endpoint<'http'>;
  readonly health = '/healthz';
  readonly metrics: Observable['metrics'];
  readonly alerts = alerts;
  readonly #pods: Pods;
  #retraining: Readonly<Record<string, EnvSource>> = {};
  readonly #container: Omit<ContainerProps, 'name' | 'image' | 'size'>;

  constructor(scope: Construct, props: PromoterProps) {
    super(scope, 'promoter', { home: props.home });
    const { issuer, tracking, teams, rollouts, generations } = props;
    this.node.addDependency(...teams.map(({ space }) => space.home));
    const pods = new Pods(this, 'Pods', {
      name: service.name,
      component: 'serving',
      userId: 65_532,
      usesKubernetesApi: true,
      graceSeconds: service.stopSeconds + 10,
    });
    this.#pods = pods;
    this.endpoint = serviceEndpoint(pods, 'http', service.ports.http);
    const { namespace, labels, connections } = pods;
    const { path } = service.metrics;
    this.metrics = [{ job: service.name, namespace, labels, port: service.ports.admin, path, connections }];
    connect(pods, props.kubernetes);
    pods.startAfter(...this.#rights(props), rollouts.routes.chart);
    const registry = tracking.grantService(pods);
    tracking.tell(this.endpoint);
    const client = issuer.serviceClient(pods, {
      clientId: audience,
      generation: generations.client,
      groups: teams.map(({ space }) => space.group),
    });
    const verifier = issuer.verifier(pods, audience);
    const authority = registry.authority ?? verifier.authority;
    const database = migrateFirst(this, pods, {
      server: props.database,
      login: { database: 'promoter', generation: generations.database },
      image: 'promoter',
    });
    const webhook = this.#webhook(generations.webhook);
    const files = this.#files(props);
    this.#container = {
      env: {
        PORT: value(String(service.ports.http)),
        ADMIN_PORT: value(String(service.ports.admin)),
        DATABASE_URL: database.env('url'),
        POLICIES_FILE: value(`${folder}/policies.json`),
        MLFLOW_URL: value(registry.url),
        WEBHOOK_URL: value(`http://${this.endpoint.host}:${this.endpoint.port}/webhooks/mlflow`),
        WEBHOOK_SECRET: webhook.env('secret'),
        ...tokens(client, verifier),
        ADMIN_GROUP: value(administrators),
        ROUTES_NAMESPACE: value(namespace),
        ROUTES_CONFIG_MAP: value(rollouts.routes.configMap),
        ...templatesOf(teams),
        ...trust(authority),
      },
      ports: service.ports,
      mounts: [{ path: folder, from: { kind: 'files', files }, readOnly: true }, ...trustMount(authority)],
      probe: healthProbe(service),
    };
  }

  /** Lets drift start the DAGs that models name. Comes before it is run. */
  retrain(props: RetrainingProps): AlertHandler {
    const { env, handler } = retraining(this.#pods, this.endpoint, props);
    this.#retraining = env;
    return handler;
  }

  /**
   * Runs it. Comes last, because Prometheus, which it asks how candidates do, is itself told of the promoter before.
   */
  run(prometheus: Endpoint<'http'>): void {
    connect(this.#pods, prometheus);
    const { env, ...rest } = this.#container;
    new HttpService(this, 'Service', {
      pods: this.#pods,
      replicas: 1,
      containers: [
        {
          ...rest,
          name: service.name,
          image: image('promoter'),
          env: {
            ...env,
            ...this.#retraining,
            PROMETHEUS_URL: value(`http://${prometheus.host}:${prometheus.port}`),
          },
          size: { cpu: Cpu.millis(20), memory: Size.mebibytes(160), memoryLimit: Size.mebibytes(384) },
        },
      ],
    });
  }

  #rights({ teams, rollouts }: PromoterProps): readonly IDependable[] {
    const { name, namespace } = this.#pods;
    return promoterRights(this, {
      account: { name, namespace },
      teams: teams.map(({ space, templates }) => ({
        namespace: space.namespace,
        templates: templates.configMap,
      })),
      routes: { name: rollouts.routes.configMap, namespace },
    });
  }

  #files({ teams, rollouts }: PromoterProps): ConfigFiles {
    const spaces = teams.map(({ space }) => space);
    return new ConfigFiles(this, 'Files', {
      name: service.name,
      files: { 'policies.json': policiesFile(rollouts.policies, spaces, rollouts.declared) },
    });
  }

  /** Signs the registry's webhooks; with another one they are set anew when the service starts. */
  #webhook(generation: number) {
    const request = new SecretRequest(this, 'Webhook', {
      namespace: this.home.name,
      name: 'promoter-webhook',
      generation,
      values: { secret: derived({ owner: 'promoter', role: 'webhook', key: 'secret', generation }) },
    });
    this.#pods.startAfter(request);
    this.#pods.rollWith('promoter-webhook', generation);
    return request.ref;
  }
}

type Env = Readonly<Record<string, EnvSource>>;

/** What it gets tokens with, and which ones it takes. */
const tokens = ({ secret }: OidcClient, verifier: TokenVerifier): Env => ({
  OIDC_ISSUER: secret.env('issuer'),
  OIDC_CLIENT_ID: secret.env('clientId'),
  OIDC_CLIENT_SECRET: secret.env('clientSecret'),
  OIDC_AUDIENCE: value(audience),
  OIDC_GROUPS_CLAIM: value(verifier.groupsClaim),
});

/** Every team's are under the same names. */
const templatesOf = ([first]: readonly PromotedTeam[]): Env =>
  first === undefined
    ? {}
    : {
        TEMPLATES_CONFIG_MAP: value(first.templates.configMap),
        TEMPLATES_KEY: value(first.templates.key),
        PREDICTOR_PORT: value(String(first.templates.port)),
      };

const trust = (authority: SecretRef<'ca.crt'> | undefined): Env =>
  authority === undefined ? {} : { NODE_EXTRA_CA_CERTS: value(`${trustFolder}/ca.crt`) };

const trustMount = (authority: SecretRef<'ca.crt'> | undefined): readonly Mount[] =>
  authority === undefined
    ? []
    : [{ path: trustFolder, from: { kind: 'secret', secret: authority }, readOnly: true }];
