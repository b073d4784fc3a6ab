import { App, Size } from 'cdk8s';
import { catalogueProblems } from '../constructs/catalogue/index.ts';
import type {
  Endpoint,
  Exposure,
  MetricsSource,
  ObjectStore,
  PostgresServer,
  WebGateway,
} from '../constructs/contracts/index.ts';
import { type CertificateSource, ExistingGateway, TraefikGateway } from '../constructs/gateway/index.ts';
import {
  ComponentChart,
  customResourceDefinitions,
  DefinitionsChart,
  setImageRegistry,
} from '../constructs/kit/index.ts';
import { PlinthNamespace } from '../constructs/kubernetes/index.ts';
import { Mlflow } from '../constructs/mlflow/index.ts';
import { ExternalS3, SeaweedStore } from '../constructs/object-store/index.ts';
import { ExternalPostgres, InClusterPostgres } from '../constructs/postgres/index.ts';
import { type Environment, EnvironmentError, generation } from './spec.ts';

/** One environment, composed: the tree that is rendered, applied and reviewed. */
export interface Composition {
  readonly app: App;
  readonly environment: Environment;
  /** What people and programs open from outside, by component. */
  readonly exposures: readonly Exposure[];
  readonly metrics: readonly MetricsSource[];
}

type Server = PostgresServer & { withdrawOld(chart: ComponentChart): void };
type Store = ObjectStore & { withdrawOld?(chart: ComponentChart): void };

/** The one place that knows two components; the same environment gives the same tree, whatever the machine. */
export const compose = (environment: Environment): Composition => {
  refuseImages(environment);
  const app = new App();
  setImageRegistry(app, environment.imageRegistry);
  const composer = new Composer(app, environment);
  composer.compose();
  const { exposures, metrics } = composer;
  return { app, environment, exposures, metrics };
};

/** Images that the catalogue refuses and the environment doesn't excuse are mistakes of the environment. */
const refuseImages = (environment: Environment): void => {
  const problems = catalogueProblems({ exceptions: environment.imageExceptions });
  if (problems.length === 0) return;
  throw new EnvironmentError(
    `environments/${environment.name}.ts`,
    problems.map((problem) => ({
      path: 'imageExceptions',
      got: problem,
      expected: 'an image that may run',
      mend: 'change the catalogue, or name the exception and its reason here',
    })),
  );
};

class Composer {
  readonly metrics: MetricsSource[] = [];
  readonly #app: App;
  readonly #environment: Environment;
  readonly #namespaces = new Map<string, PlinthNamespace>();
  #gateway: WebGateway | undefined;

  constructor(app: App, environment: Environment) {
    this.#app = app;
    this.#environment = environment;
  }

  get exposures(): readonly Exposure[] {
    return this.#gateway?.exposures ?? [];
  }

  compose(): void {
    const { mlflow } = this.#environment;
    const server = this.#postgres();
    const store = this.#objectStore();
    this.#gateway = this.#makeGateway(mlflow.kind === 'on' ? ['mlflow'] : [], store);
    if (mlflow.kind === 'on' && server !== undefined && store !== undefined)
      this.#mlflow(mlflow.replicas, server, store);
    this.#withdrawOld(server, store);
  }

  /** Made when first asked for, so that a namespace without components isn't there. */
  #namespace(name: string): PlinthNamespace {
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known;
    const made = new PlinthNamespace(this.#app, `namespace-${name}`, { name });
    this.#namespaces.set(name, made);
    return made;
  }

  get #kubernetes(): Endpoint<'kubernetes'> {
    const { cidr, port } = this.#environment.kubernetes.api;
    return { kind: 'kubernetes', host: 'kubernetes.default', port, peer: { kind: 'addresses', cidr } };
  }

  #postgres(): Server | undefined {
    const { postgres } = this.#environment;
    switch (postgres.kind) {
      case 'inCluster':
        return new InClusterPostgres(this.#app, {
          home: this.#namespace('data'),
          storage: Size.gibibytes(postgres.storageGiB),
        });
      case 'external': {
        const { host, port, cidr, administratorSecret } = postgres;
        return new ExternalPostgres(this.#app, {
          home: this.#namespace('data'),
          host,
          port,
          cidr,
          administratorSecret,
        });
      }
      case 'off':
        return undefined;
      default:
        return postgres satisfies never;
    }
  }

  #objectStore(): Store | undefined {
    const { objectStore } = this.#environment;
    switch (objectStore.kind) {
      case 'inCluster': {
        const store = new SeaweedStore(this.#app, {
          home: this.#namespace('data'),
          storage: Size.gibibytes(objectStore.storageGiB),
        });
        this.metrics.push(...store.metrics);
        return store;
      }
      case 'external': {
        const { host, port, region, cidr, administratorSecret } = objectStore;
        return new ExternalS3(this.#app, {
          url: `https://${host}:${port}`,
          region,
          cidr,
          adminSecret:
            administratorSecret === undefined
              ? undefined
              : { home: this.#namespace('data'), name: administratorSecret },
        });
      }
      case 'off':
        return undefined;
      default:
        return objectStore satisfies never;
    }
  }

  #makeGateway(components: readonly string[], store: Store | undefined): WebGateway | undefined {
    const { gateway, domain } = this.#environment;
    const inClusterStore = store instanceof SeaweedStore ? store : undefined;
    const serves = [...components, ...(inClusterStore === undefined ? [] : ['data'])];
    const home = () => this.#namespace('gateway');
    const made = ((): WebGateway | undefined => {
      switch (gateway.kind) {
        case 'traefik': {
          const definitions = new DefinitionsChart(this.#app, 'gateway-api');
          customResourceDefinitions(definitions, 'gateway-api');
          const traefik = new TraefikGateway(this.#app, {
            home: home(),
            domain,
            serves: serves.map((name) => this.#namespace(name)),
            kubernetes: this.#kubernetes,
            certificate: this.#certificate(),
            replicas: gateway.replicas,
          });
          traefik.node.addDependency(definitions);
          this.metrics.push(...traefik.observable.metrics);
          return traefik;
        }
        case 'existing':
          return new ExistingGateway(this.#app, {
            home: home(),
            domain,
            className: gateway.className,
            controllerNamespace: gateway.namespace,
            certificate: this.#certificate(),
          });
        case 'off':
          return undefined;
        default:
          return gateway satisfies never;
      }
    })();
    if (inClusterStore !== undefined)
      made?.expose(inClusterStore.chart, {
        name: 's3',
        endpoint: inClusterStore.endpoint,
        health: '/healthz',
      });
    return made;
  }

  #certificate(): CertificateSource {
    const { tls } = this.#environment;
    return tls.kind === 'ownAuthority'
      ? { kind: 'ownAuthority', generation: generation(this.#environment, 'gateway/certificate') }
      : tls;
  }

  #mlflow(replicas: number, database: PostgresServer, store: ObjectStore): void {
    const environment = this.#environment;
    const mlflow = new Mlflow(this.#app, {
      home: this.#namespace('mlflow'),
      database,
      artifacts: store.bucket('mlflow'),
      generations: {
        database: generation(environment, 'mlflow/database'),
        bucket: generation(environment, 'mlflow/bucket'),
      },
      publicHost: `mlflow.${environment.domain}`,
      replicas,
    });
    this.metrics.push(...mlflow.observable.metrics);
    this.#gateway?.expose(mlflow, { name: 'mlflow', endpoint: mlflow.endpoint, health: '/health' });
  }

  /** What withdraws old credentials comes after everything that used them. */
  #withdrawOld(server: Server | undefined, store: Store | undefined): void {
    if (!Object.values(this.#environment.generations).some((each) => each > 1)) return;
    const earlier = this.#app.node.children;
    const chart = new ComponentChart(this.#app, 'withdrawn-credentials', { home: this.#namespace('data') });
    chart.node.addDependency(...earlier);
    server?.withdrawOld(chart);
    store?.withdrawOld?.(chart);
  }
}
