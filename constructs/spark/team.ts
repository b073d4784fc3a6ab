import { readFileSync } from 'node:fs';
import { Duration, Lazy, Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type BucketAccess,
  Connections,
  type Endpoint,
  type MetricsSource,
  type ModelClient,
  type Peer,
  type SparkClient,
  storageEnv,
  type TeamSpace,
  type TrackingClient,
  value,
} from '../contracts/index.ts';
import {
  BatchJob,
  ComponentChart,
  ConfigFiles,
  type Home,
  imageRegistry,
  networkPolicySpec,
  Pods,
  role,
} from '../kit/index.ts';
import { type ApplicationSpec, applicationSpec } from './application.ts';
import { clientRules, driverRules } from './rights.ts';
import { eventsPrefix, folder, ports, propertiesFile, serviceAccounts, sparkSettings } from './settings.ts';
import { driverTemplate, executorTemplate, sessionPod } from './templates.ts';

/** What sessions and applications ask of nodes, and how long they may run. */
export interface SparkSizes {
  readonly driver: Cpu;
  /** What one core of an executor asks for: less than a whole one lets executors share. */
  readonly executorCoreMillis: number;
  readonly limit: Duration;
}

export interface TeamSparkProps {
  readonly team: TeamSpace;
  readonly home: Home;
  readonly kubernetes: Endpoint<'kubernetes'>;
  readonly access: BucketAccess<'readWrite'>;
  readonly tracking?: TrackingClient;
  readonly models: ModelClient;
  readonly sizes: SparkSizes;
  readonly javaOptions: readonly string[];
}

const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8');

/**
 * What one team needs to run Spark in its namespace: three identities (clients start drivers, drivers start executors,
 * executors start nothing), the paths between them, and the templates of what is started.
 */
export class TeamSpark extends ComponentChart {
  readonly client: SparkClient;
  readonly metrics: readonly MetricsSource[];
  readonly application: ApplicationSpec;
  /** Log readers wait for it: S3 has no folders, and a history server refuses one that isn't there. */
  readonly events: BatchJob;
  readonly access: BucketAccess<'readWrite'>;

  constructor(scope: Construct, props: TeamSparkProps) {
    super(scope, `spark-${props.home.name}`, { home: props.home });
    const { team, kubernetes, access } = props;
    this.access = access;
    const driver = this.#pods('Driver', serviceAccounts.driver, true);
    const executor = this.#pods('Executor', serviceAccounts.executor, false);
    const { namespace } = driver;
    role(this, 'Driver', { name: serviceAccounts.driver, namespace, rules: driverRules });
    driver.connections.allowTo(kubernetes.peer, kubernetes.port);
    between(driver, executor);
    const labels = this.#clients(driver, kubernetes);
    this.application = this.#application(props, driver, executor);
    const templates = this.#templates(props, driver, executor);
    this.client = {
      serviceAccount: serviceAccounts.client,
      labels,
      env: { PLINTH_SPARK: value(folder) },
      files: { configMap: templates.name, path: folder },
    };
    this.events = this.#events(access);
    const source = (job: string, path: string): MetricsSource => ({
      job: `${job}-${team.name}`,
      namespace,
      labels: driver.labels,
      port: ports.ui,
      path,
      connections: driver.connections,
      team: team.name,
    });
    this.metrics = [
      source('spark-drivers', '/metrics/prometheus/'),
      source('spark-executors', '/metrics/executors/prometheus'),
    ];
  }

  #pods(id: string, name: string, usesKubernetesApi: boolean): Pods {
    return new Pods(this, id, { name, component: 'spark', userId: 65_532, usesKubernetesApi });
  }

  /** Pods of others: they have names and policies of their own, and by one label more these rights and paths. */
  #clients(driver: Pods, kubernetes: Endpoint<'kubernetes'>): Readonly<Record<string, string>> {
    const { namespace } = driver;
    const name = serviceAccounts.client;
    const labels = { 'spark.plinth.dev/role': name };
    const peer: Peer = { kind: 'pods', namespace, labels };
    const connections = new Connections();
    connections.allowTo(kubernetes.peer, kubernetes.port);
    connections.allowTo(driver.peer, ports.connect);
    driver.connections.allowFrom(peer, ports.connect);
    new k8s.KubeServiceAccount(this, 'ClientAccount', {
      metadata: { name },
      automountServiceAccountToken: true,
    });
    role(this, 'Client', { name, namespace, rules: clientRules });
    new k8s.KubeNetworkPolicy(this, 'ClientNetworkPolicy', {
      metadata: { name },
      spec: Lazy.any({ produce: () => networkPolicySpec(labels, connections) }),
    });
    return labels;
  }

  #application(props: TeamSparkProps, driver: Pods, executor: Pods): ApplicationSpec {
    const { team, sizes, access, tracking, models, javaOptions } = props;
    const registry = imageRegistry(this);
    const seconds = sizes.limit.toSeconds();
    const env = { ...tracking?.env, ...models.env, PLINTH_TEAM: value(team.name) };
    const folders = tracking?.folders ?? [];
    return applicationSpec({
      registry,
      settings: sparkSettings({ namespace: team.namespace, access, registry, javaOptions }),
      driver: {
        template: driverTemplate({ driver, access, seconds, env, folders }),
        cpu: sizes.driver,
        serviceAccount: serviceAccounts.driver,
      },
      executor: {
        template: executorTemplate(executor, access),
        cpu: Cpu.millis(sizes.executorCoreMillis),
      },
      keptFor: Duration.days(1),
    });
  }

  #templates(props: TeamSparkProps, driver: Pods, executor: Pods): ConfigFiles {
    const { team, sizes, access, javaOptions } = props;
    const registry = imageRegistry(this);
    const settings = sparkSettings({ namespace: team.namespace, access, registry, javaOptions });
    const { executorCoreMillis: coreMillis } = sizes;
    new ConfigFiles(this, 'Settings', {
      name: 'spark-settings',
      files: {
        // Within the limit of its pod's memory.
        'spark-defaults.conf': propertiesFile({ ...settings, 'spark.driver.memory': '640m' }),
        'executor.json': JSON.stringify(
          { apiVersion: 'v1', kind: 'Pod', ...executorTemplate(executor, access) },
          null,
          1,
        ),
      },
    });
    const session = {
      maxSeconds: sizes.limit.toSeconds(),
      coreMillis,
      pod: sessionPod(driver, access, sizes.driver),
    };
    const application = {
      coreMillis,
      manifest: {
        apiVersion: 'sparkoperator.k8s.io/v1beta2',
        kind: 'SparkApplication',
        metadata: { namespace: team.namespace, labels: { team: team.name } },
        spec: this.application,
      },
    };
    return new ConfigFiles(this, 'Templates', {
      name: 'spark-templates',
      files: {
        'session.json': JSON.stringify(session, null, 1),
        'application.json': JSON.stringify(application, null, 1),
      },
    });
  }

  #events(access: BucketAccess<'readWrite'>): BatchJob {
    const files = new ConfigFiles(this, 'EventsFiles', {
      name: 'spark-events',
      files: { 'make_folder.py': file('make_folder.py') },
    });
    return new BatchJob(this, 'Events', {
      pods: new Pods(this, 'EventsPods', { name: 'spark-events', component: 'spark', userId: 65_532 }),
      deadline: Duration.minutes(10),
      container: {
        name: 'make-folder',
        image: image('spark'),
        command: ['python3', '/etc/plinth/events/make_folder.py', eventsPrefix],
        env: storageEnv(access),
        size: { cpu: Cpu.millis(10), memory: Size.mebibytes(128) },
        mounts: [{ path: '/etc/plinth/events', from: { kind: 'files', files }, readOnly: true }],
      },
    });
  }
}

/** Executors fetch blocks from each other as well, and report to whichever driver started them. */
const between = (driver: Pods, executor: Pods): void => {
  const path = (from: Pods, to: Pods, ...through: readonly number[]): void => {
    from.connections.allowTo(to.peer, ...through);
    to.connections.allowFrom(from.peer, ...through);
  };
  path(executor, driver, ports.driver, ports.blocks);
  path(driver, executor, ports.blocks);
  path(executor, executor, ports.blocks);
};
