import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  connect,
  type Endpoint,
  type EnvSource,
  type Issuer,
  type MetricsSource,
  type Observable,
  type PostgresServer,
  type SecretRef,
  value,
} from '../contracts/index.ts';
import { BatchJob, ComponentChart, ConfigFiles, type Home, Pods, serviceEndpoint } from '../kit/index.ts';
import { alerts } from './alerts.ts';
import { apiServer, apiServerPort, grantLogs } from './api-server.ts';
import { userId } from './connections.ts';
import { type DagSource, gitEnv } from './dags.ts';
import { file } from './file.ts';
import { airflowKeys, type KeyName } from './keys.ts';
import { dagProcessor, scheduler, statsdMapping, triggerer } from './processes.ts';
import { filesMount, processEnv } from './settings.ts';
import { type AirflowTeam, logsOf, TeamTasks } from './tasks.ts';

export { type DagSource, ExampleDags } from './dags.ts';
export type { AirflowTeam } from './tasks.ts';

export interface AirflowProps {
  readonly home: Home;
  readonly database: PostgresServer;
  readonly issuer: Issuer;
  /** The scheduler makes pods. */
  readonly kubernetes: Endpoint<'kubernetes'>;
  readonly dags: DagSource;
  readonly teams: readonly AirflowTeam[];
  readonly processes: {
    /** Address at which people open it. */
    readonly publicUrl: string;
    readonly apiServers: number;
    /** Whether tasks may defer; without one a deferred task waits for ever. */
    readonly triggerer: boolean;
  };
  readonly generations: {
    readonly database: number;
    readonly bucket: number;
    readonly keys: number;
    readonly client: number;
  };
}

const programs = [
  'airflow_local_settings.py',
  'alive.py',
  'migrate.py',
  'plinth_auth.py',
  'plinth_executor.py',
  'plinth_logs.py',
  'plinth_teams.py',
  'webserver_config.py',
];

/**
 * Airflow with a pod per task. A DAG belongs to the team whose folder of the repository it is in: its tasks run in that
 * team's namespace, with that team's keys, and only its members see it.
 */
export class Airflow extends ComponentChart {
  readonly endpoint: Endpoint<'http'>;
  readonly observable: Observable;
  readonly #props: AirflowProps;

  constructor(scope: Construct, props: AirflowProps) {
    super(scope, 'airflow', { home: props.home });
    this.#props = props;
    const keys = airflowKeys(this, props.generations.keys);
    const api = this.#pods('airflow-api-server');
    const schedulerPods = this.#pods('airflow-scheduler', true);
    const parser = this.#pods('airflow-dag-processor');
    const triggers = props.processes.triggerer ? [this.#pods('airflow-triggerer')] : [];
    this.endpoint = serviceEndpoint(api, 'http', apiServerPort);
    const tasks = props.teams.map(
      (team) =>
        new TeamTasks(this.node.root as Construct, {
          team,
          apiServer: this.endpoint,
          dags: props.dags,
          scheduler: schedulerPods,
        }),
    );
    const files = this.#files(tasks);
    const env = this.#env(keys.ref, api);
    const shared = { env, files, keys: keys.ref, statsd: statsdMapping(this) };
    for (const pods of [api, schedulerPods, parser, ...triggers]) {
      pods.startAfter(keys);
      pods.rollWith('airflow-keys', props.generations.keys);
      if (pods !== api) this.#grantDatabase(pods);
    }
    this.#migrateFirst([api, schedulerPods, parser, ...triggers], shared);
    for (const pods of [parser, ...triggers]) connect(pods, props.dags.endpoint);
    connect(schedulerPods, props.kubernetes);
    const storage = grantLogs(api, props);
    apiServer(this, { ...shared, pods: api, props, storage });
    const metrics: readonly MetricsSource[] = [
      scheduler(this, {
        ...shared,
        pods: schedulerPods,
        namespaces: props.teams.map(({ home }) => home.name),
      }),
      dagProcessor(this, { ...shared, pods: parser }),
    ];
    for (const pods of triggers) triggerer(this, { ...shared, pods });
    this.observable = { metrics, alerts };
  }

  #pods(name: string, usesKubernetesApi = false): Pods {
    return new Pods(this, name, { name, component: 'airflow', userId, usesKubernetesApi, graceSeconds: 60 });
  }

  #grantDatabase(pods: Pods) {
    const login = { database: 'airflow', generation: this.#props.generations.database };
    return this.#props.database.grantOwner(pods, login);
  }

  #env(keys: SecretRef<KeyName>, api: Pods): Record<string, EnvSource> {
    const { dags, teams, processes } = this.#props;
    return {
      ...processEnv({
        apiServer: `http://${this.endpoint.host}:${this.endpoint.port}`,
        publicUrl: processes.publicUrl,
        dags,
        teams: teams.map(({ space }) => space.name),
        database: this.#grantDatabase(api),
        tls: this.#props.database.tls,
        keys,
      }),
      ...gitEnv(this, dags),
    };
  }

  #files(tasks: readonly TeamTasks[]): ConfigFiles {
    const { teams } = this.#props;
    const told = Object.fromEntries(
      teams.map((team) => [team.space.name, { namespace: team.home.name, logs: logsOf(team) }]),
    );
    const pools = Object.fromEntries(
      teams.map(({ space, slots }) => [
        space.name,
        { slots, description: `Tasks of ${space.name}`, include_deferred: false },
      ]),
    );
    return new ConfigFiles(this, 'Files', {
      name: 'airflow-files',
      files: {
        ...Object.fromEntries(programs.map((name) => [name, file(name)])),
        'teams.json': JSON.stringify(told, null, 2),
        'pools.json': JSON.stringify(pools, null, 2),
        ...Object.fromEntries(
          teams.map(({ space }, index) => [`task-${space.name}.json`, tasks[index]?.template ?? '']),
        ),
      },
    });
  }

  #migrateFirst(
    pods: readonly Pods[],
    shared: { readonly env: Record<string, EnvSource>; readonly files: ConfigFiles },
  ): void {
    const migrate = new Pods(this, 'MigratePods', { name: 'airflow-migrate', component: 'airflow', userId });
    this.#grantDatabase(migrate);
    const job = new BatchJob(this, 'Migrate', {
      pods: migrate,
      deadline: Duration.minutes(15),
      runsAgainWith: this.#props.generations,
      container: {
        name: 'migrate',
        image: image('airflow'),
        command: ['python3', '/etc/plinth/airflow/migrate.py'],
        env: { ...shared.env, AIRFLOW__API__SECRET_KEY: value('signs nothing here') },
        size: { cpu: Cpu.millis(50), memory: Size.mebibytes(512), memoryLimit: Size.gibibytes(1) },
        mounts: [filesMount(shared.files)],
      },
    });
    for (const each of pods) each.startAfter(job);
  }
}
