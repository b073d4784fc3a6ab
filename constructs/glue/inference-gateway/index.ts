import { Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-27';
import type { Construct, IDependable } from 'constructs';
import { image } from '../../catalogue/index.ts';
import {
  connect,
  type Endpoint,
  type EnvSource,
  type Issuer,
  type ModelRoute,
  type Observable,
  type TeamSpace,
  teamRoutesName,
  value,
} from '../../contracts/index.ts';
import {
  ComponentChart,
  descriptionOf,
  type Home,
  HttpService,
  healthProbe,
  Pods,
  role,
  trust,
  trustMount,
} from '../../kit/index.ts';
import { alerts, recordings } from './alerts.ts';
import { type ModelLimits, routesFile } from './routes.ts';

export type { ModelLimits } from './routes.ts';

export interface InferenceGatewayProps {
  readonly home: Home;
  readonly issuer: Issuer;
  readonly replicas: number;
  readonly routes: {
    /** The environment's. */
    readonly declared: readonly ModelRoute[];
    /** What a replica lets through at a time, by model. */
    readonly limits: Readonly<Record<string, ModelLimits>>;
    /** Teams that may write routes of their own. */
    readonly teams: readonly (TeamSpace & { readonly home: Home })[];
  };
  /** Tells of a change of the routes at once. */
  readonly kubernetes: Endpoint<'kubernetes'>;
  /** Takes prediction records; unset: there is no log. */
  readonly sink: Endpoint<'http'> | undefined;
  /** Where models of each team answer, those included that come while the platform runs. */
  readonly models: readonly Endpoint<'http'>[];
}

const service = descriptionOf<'http' | 'admin'>('inference-gateway');

/** Who a token must be for. */
const audience = 'inference';
const routesName = 'inference-routes';
const routesFolder = '/etc/inference-gateway';
const mebibyte = 1024 * 1024;

/** What bodies may take of a replica's memory; the process itself takes about 120 MiB more. */
const memory = { buffered: 64 * mebibyte, mirrors: 4, request: 16 * mebibyte };

/**
 * services/inference-gateway: the one way in for model traffic. It follows the ConfigMap with its routes while it
 * runs, so another model or weight restarts nothing. Key `routes.json` is the environment's; whoever changes routes
 * while the platform runs writes keys of its own.
 */
export class InferenceGateway extends ComponentChart implements Observable {
  readonly endpoint: Endpoint<'http'>;
  /** ConfigMap of its namespace with the routes: a key for the environment's, and one for each model's own. */
  readonly routes = routesName;
  readonly health = '/v2/health/ready';
  readonly metrics: Observable['metrics'];
  readonly recordings = recordings;
  readonly alerts = alerts;

  constructor(scope: Construct, props: InferenceGatewayProps) {
    super(scope, 'inference-gateway', { home: props.home });
    const { declared, limits, teams } = props.routes;
    const pods = new Pods(this, 'Pods', {
      name: service.name,
      component: 'serving',
      userId: 65_532,
      usesKubernetesApi: true,
      graceSeconds: service.stopSeconds + 10,
    });
    const verifier = props.issuer.verifier(pods, audience);
    const sinks = props.sink === undefined ? [] : [props.sink];
    for (const endpoint of [...props.models, ...declared.flatMap(endpointsOf), ...sinks])
      connect(pods, endpoint);
    connect(pods, props.kubernetes);
    this.node.addDependency(...teams.map(({ home }) => home));
    const routes = new k8s.KubeConfigMap(this, 'Routes', {
      metadata: { name: routesName },
      data: { 'routes.json': routesFile(declared, limits) },
    });
    pods.startAfter(routes, ...watchRights(this, pods, teams));
    const http = new HttpService(this, 'Service', {
      pods,
      replicas: props.replicas,
      drainSeconds: 5,
      containers: [
        {
          name: service.name,
          image: image('inference-gateway'),
          env: {
            ...settings(service.ports),
            ...trust(verifier),
            ...ofTeams(teams),
            ...logged(props.sink),
          },
          ports: service.ports,
          size: { cpu: Cpu.millis(50), memory: Size.mebibytes(128), memoryLimit: Size.mebibytes(320) },
          mounts: [
            // What it starts with while the API server is away. Not the workload's own: a change must not roll it.
            { path: routesFolder, from: { kind: 'foreignFiles', name: routesName }, readOnly: true },
            ...trustMount(verifier),
          ],
          probe: healthProbe(service),
        },
      ],
    });
    this.endpoint = http.endpoint('http', 'http');
    this.metrics = [http.metrics('admin', service.metrics.path)];
  }
}

const endpointsOf = ({ predictors }: ModelRoute): readonly Endpoint<'http'>[] =>
  predictors.map(({ endpoint }) => endpoint);

const settings = (ports: typeof service.ports): Readonly<Record<string, EnvSource>> => ({
  PORT: value(String(ports.http)),
  ADMIN_PORT: value(String(ports.admin)),
  ROUTES_FOLDER: value(routesFolder),
  ROUTES_CONFIG_MAP: value(routesName),
  MAX_REQUEST_BYTES: value(String(memory.request)),
  MAX_BUFFERED_BYTES: value(String(memory.buffered)),
  MAX_MIRRORS: value(String(memory.mirrors)),
  SHUTDOWN_SECONDS: value(String(service.stopSeconds - 5)),
});

const logged = (sink: Endpoint<'http'> | undefined): Readonly<Record<string, EnvSource>> =>
  sink === undefined ? {} : { LOG_SINK_URL: value(`http://${sink.host}:${sink.port}/records`) };

const ofTeams = (teams: readonly TeamSpace[]): Readonly<Record<string, EnvSource>> =>
  teams.length === 0
    ? {}
    : {
        TEAM_ROUTES: value(
          JSON.stringify(Object.fromEntries(teams.map(({ name, namespace }) => [name, namespace]))),
        ),
        TEAM_ROUTES_CONFIG_MAP: value(teamRoutesName),
      };

/** To watch its own object and one of each team, and nothing else. */
const watchRights = (
  scope: Construct,
  { name, namespace }: Pods,
  teams: readonly TeamSpace[],
): readonly IDependable[] => {
  const account = { name, namespace };
  const right = (id: string, of: string, configMap: string): readonly IDependable[] =>
    role(scope, id, {
      ...{ name, namespace: of, account },
      rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [configMap], verbs: ['watch'] }],
    });
  return [
    ...right('', namespace, routesName),
    ...teams.flatMap((team) => right(team.namespace, team.namespace, teamRoutesName)),
  ];
};
