import { Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  connect,
  type Endpoint,
  type ExposeProps,
  type Exposure,
  type Observable,
  type SecretValue,
  type WebGateway,
} from '../contracts/index.ts';
import {
  ComponentChart,
  type ContainerProps,
  customObject,
  type Home,
  HttpService,
  Pods,
  role,
  type ServiceReach,
} from '../kit/index.ts';
import { alerts, recordings } from './alerts.ts';
import { authorityOf, type CertificateSource, listener } from './listener.ts';
import { again, middlewareRights } from './repeat.ts';
import { gatewayApi, Routes } from './routes.ts';

export interface TraefikGatewayProps {
  readonly home: Home;
  readonly domain: string;
  /** Namespaces whose routes it serves; it may read nothing in others. */
  readonly serves: readonly Home[];
  /** Those of them with routes that are `repeatable`. */
  readonly repeats: readonly Home[];
  readonly kubernetes: Endpoint<'kubernetes'>;
  readonly certificate: CertificateSource;
  readonly replicas: number;
  readonly reach: ServiceReach;
}

const ports = { https: 8443, http: 8000, metrics: 9100 };
const className = 'plinth';

/** Traefik as the controller of the Gateway API. */
export class TraefikGateway extends ComponentChart implements WebGateway {
  readonly domain: string;
  readonly service: HttpService;
  readonly observable: Observable;
  readonly entrance: Endpoint<'https'>;
  readonly authority: SecretValue | undefined;
  readonly #routes: Routes;

  constructor(scope: Construct, props: TraefikGatewayProps) {
    super(scope, 'gateway', { home: props.home });
    this.domain = props.domain;
    const namespaces = [props.home, ...props.serves];
    this.node.addDependency(...props.serves);
    const pods = new Pods(this, 'Pods', {
      name: 'gateway',
      component: 'gateway',
      usesKubernetesApi: true,
      graceSeconds: 60,
    });
    connect(pods, props.kubernetes);
    const world = { kind: 'addresses', cidr: '0.0.0.0/0' } as const;
    pods.connections.allowFrom(world, ports.https, ports.http);
    pods.startAfter(...rights(this, pods, namespaces), ...middlewareRights(this, pods, props.repeats));
    this.service = new HttpService(this, 'Service', {
      pods,
      replicas: props.replicas,
      drainSeconds: 10,
      publishedPorts: { https: 443, http: 80 },
      reach: props.reach,
      containers: [container([...options(namespaces, props.repeats), ...statusAddress(props)])],
    });
    this.entrance = { ...this.service.endpoint('https', 'https'), host: props.domain };
    this.authority = authorityOf(props.certificate, props.domain);
    this.observable = { metrics: [this.service.metrics('metrics')], recordings, alerts };
    gatewayClass(this);
    listener(this, {
      namespace: props.home.name,
      className,
      domain: props.domain,
      // Traefik serves a listener whose port is that of one of its entry points.
      port: ports.https,
      certificate: props.certificate,
      serves: props.serves,
    });
    this.#routes = new Routes(
      props,
      ({ endpoint }) => connect(pods, endpoint),
      (route, { name, repeatable }) => (repeatable === true ? [again(route, name, props.repeats)] : []),
    );
  }

  get exposures(): readonly Exposure[] {
    return this.#routes.exposures;
  }

  expose(scope: Construct, props: ExposeProps): Exposure {
    return this.#routes.expose(scope, props);
  }
}

const container = (told: readonly string[]): ContainerProps => ({
  name: 'traefik',
  image: image('traefik'),
  command: ['traefik', ...told],
  ports: { https: ports.https, http: ports.http, metrics: ports.metrics },
  size: { cpu: Cpu.millis(50), memory: Size.mebibytes(192) },
  probe: { kind: 'http', port: ports.metrics, path: '/ping' },
});

const gatewayClass = (scope: Construct): void => {
  customObject(
    scope,
    'Class',
    { apiVersion: gatewayApi, kind: 'GatewayClass' },
    { metadata: { name: className }, spec: { controllerName: 'traefik.io/gateway-controller' } },
  );
};

const namesOf = (homes: readonly Home[]): string => homes.map(({ name }) => name).join(',');

const options = (namespaces: readonly Home[], repeats: readonly Home[]): readonly string[] => [
  '--global.checkNewVersion=false',
  '--global.sendAnonymousUsage=false',
  '--log.level=INFO',
  `--entryPoints.websecure.address=:${ports.https}`,
  // Uploads of artifacts take their time, and an open websocket may be silent for hours.
  '--entryPoints.websecure.transport.respondingTimeouts.readTimeout=0s',
  '--entryPoints.websecure.transport.respondingTimeouts.idleTimeout=0s',
  '--entryPoints.websecure.transport.lifeCycle.requestAcceptGraceTimeout=5s',
  `--entryPoints.web.address=:${ports.http}`,
  '--entryPoints.web.http.redirections.entryPoint.to=:443',
  '--entryPoints.web.http.redirections.entryPoint.scheme=https',
  `--entryPoints.metrics.address=:${ports.metrics}`,
  // Where a pod was, nobody says no; who is there takes a connection within milliseconds, and for half a minute's waiting
  // (the default) a caller has gone.
  '--serversTransport.forwardingTimeouts.dialTimeout=1s',
  '--metrics.prometheus.entryPoint=metrics',
  '--ping.entryPoint=metrics',
  `--providers.kubernetesGateway.namespaces=${namesOf(namespaces)}`,
  ...(repeats.length === 0
    ? []
    : [
        `--providers.kubernetesCRD.namespaces=${namesOf(repeats)}`,
        '--providers.kubernetesCRD.disableClusterScopeResources=true',
      ]),
];

/** What the load balancer was given becomes the Gateway's own address, which is what people's names must lead to. */
const statusAddress = ({ home, reach }: TraefikGatewayProps): readonly string[] => {
  const option = '--providers.kubernetesGateway.statusAddress.service';
  return reach.kind === 'loadBalancer' ? [`${option}.namespace=${home.name}`, `${option}.name=gateway`] : [];
};

const read = ['get', 'list', 'watch'];

/** What Traefik's Gateway API provider watches: a few kinds in the namespaces it serves, hardly any cluster-wide. */
const rights = (scope: Construct, pods: Pods, namespaces: readonly Home[]): readonly Construct[] => {
  const account = { name: pods.name, namespace: pods.namespace };
  const apiGroup = 'rbac.authorization.k8s.io';
  const name = 'plinth-gateway';
  const cluster = new k8s.KubeClusterRole(scope, 'ClusterRole', {
    metadata: { name },
    rules: [
      { apiGroups: [''], resources: ['namespaces'], verbs: read },
      { apiGroups: ['gateway.networking.k8s.io'], resources: ['gatewayclasses'], verbs: read },
      { apiGroups: ['gateway.networking.k8s.io'], resources: ['gatewayclasses/status'], verbs: ['update'] },
    ],
  });
  const binding = new k8s.KubeClusterRoleBinding(scope, 'ClusterRoleBinding', {
    metadata: { name },
    roleRef: { apiGroup, kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', ...account }],
  });
  const kinds = ['gateways', 'httproutes', 'grpcroutes', 'tlsroutes', 'backendtlspolicies'];
  const status = kinds.map((kind) => `${kind}/status`);
  const perNamespace = namespaces.flatMap(({ name: namespace }) =>
    role(scope, `${namespace}-`, {
      ...{ name, namespace, account },
      rules: [
        { apiGroups: [''], resources: ['services', 'secrets', 'configmaps'], verbs: read },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
        { apiGroups: ['gateway.networking.k8s.io'], resources: [...kinds, 'referencegrants'], verbs: read },
        { apiGroups: ['gateway.networking.k8s.io'], resources: status, verbs: ['update'] },
      ],
    }),
  );
  return [cluster, binding, ...perNamespace];
};
