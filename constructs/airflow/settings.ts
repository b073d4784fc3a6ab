import type { DatabaseKey, EnvSource, PostgresTls, SecretRef } from '../contracts/index.ts';
import { value } from '../contracts/index.ts';
import type { ConfigFiles, Mount } from '../kit/index.ts';
import { type DagSource, dagBundles } from './dags.ts';
import type { KeyName } from './keys.ts';

export const filesFolder = '/etc/plinth/airflow';
export const bundlesFolder = '/tmp/airflow/bundles';

/** Settings that hold in Airflow's own processes and in tasks alike. */
export const everywhere = (apiServer: string): Record<string, EnvSource> => ({
  HOME: value('/tmp'),
  AIRFLOW_HOME: value('/tmp/airflow'),
  AIRFLOW__CORE__LOAD_EXAMPLES: value('False'),
  AIRFLOW__CORE__EXECUTION_API_SERVER_URL: value(`${apiServer}/execution/`),
  // The name that a pod has for itself: looking it up takes seconds where no DNS knows it.
  AIRFLOW__CORE__HOSTNAME_CALLABLE: value('socket.gethostname'),
  AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH: value(bundlesFolder),
});

export interface ProcessSettings {
  readonly apiServer: string;
  readonly publicUrl: string;
  readonly dags: DagSource;
  readonly teams: readonly string[];
  readonly database: SecretRef<DatabaseKey>;
  readonly tls: PostgresTls;
  readonly keys: SecretRef<KeyName>;
}

/** Settings of Airflow's own processes; only the scheduler and the API server make and check tokens. */
export const processEnv = (settings: ProcessSettings): Record<string, EnvSource> => {
  const { database, keys, dags, teams } = settings;
  return {
    ...everywhere(settings.apiServer),
    PYTHONPATH: value(filesFolder),
    PLINTH_AIRFLOW_FILES: value(filesFolder),
    AIRFLOW__CORE__AUTH_MANAGER: value('plinth_auth.IssuerFabAuthManager'),
    AIRFLOW__CORE__EXECUTOR: value('plinth_executor.TeamKubernetesExecutor'),
    AIRFLOW__CORE__FERNET_KEY: keys.env('fernet'),
    // What is on the branch runs; who wants a DAG to rest pauses it.
    AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION: value('False'),
    AIRFLOW__API__BASE_URL: value(settings.publicUrl),
    AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST: value(dagBundles(dags, teams)),
    // Or else a run keeps to the commit that its file was last parsed at.
    ...(dags.withoutHistory === true
      ? { AIRFLOW__DAG_PROCESSOR__DISABLE_BUNDLE_VERSIONING: value('True') }
      : {}),
    AIRFLOW__FAB__CONFIG_FILE: value(`${filesFolder}/webserver_config.py`),
    AIRFLOW__FAB__CUSTOM_ROLES: value(JSON.stringify(customRoles(teams))),
    ...databaseEnv(database, settings.tls),
  };
};

const databaseEnv = (database: SecretRef<DatabaseKey>, tls: PostgresTls): Record<string, EnvSource> => ({
  PLINTH_DATABASE_URL: database.env('url'),
  AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: database.env('sqlalchemyUrl'),
  DATABASE_HOST: database.env('host'),
  DATABASE_PORT: database.env('port'),
  DATABASE_NAME: database.env('database'),
  // asyncpg reads the login and the authority from libpq's variables, so no password needs to be encoded for an address.
  PGUSER: database.env('username'),
  PGPASSWORD: database.env('password'),
  ...(tls.rootCertificate === undefined ? {} : { PGSSLROOTCERT: value(tls.rootCertificate) }),
  // `ssl` is its word for libpq's `sslmode`. Kubernetes puts in the variables.
  AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC: value(
    `postgresql+asyncpg://$(DATABASE_HOST):$(DATABASE_PORT)/$(DATABASE_NAME)?ssl=${tls.sslMode}`,
  ),
  AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE: value('3'),
});

/** What members of teams may do with the DAGs of their teams; which those are, each team's own role says. */
const memberRights: Readonly<Record<string, readonly string[]>> = {
  'DAG Code': ['can_read'],
  'DAG Dependencies': ['can_read'],
  'DAG Runs': ['can_read', 'can_create', 'can_edit', 'can_delete', 'menu_access'],
  'DAG Versions': ['can_read'],
  'DAG Warnings': ['can_read'],
  DAGs: ['menu_access'],
  'HITL Detail': ['can_read', 'can_edit'],
  ImportError: ['can_read'],
  Pools: ['can_read'],
  'Task Instances': ['can_read', 'can_create', 'can_edit', 'can_delete', 'menu_access'],
  'Task Logs': ['can_read'],
  XComs: ['can_read'],
  Website: ['can_read'],
};

/** One role for what members may do, and an empty one per team that the team's DAGs are given to. */
const customRoles = (teams: readonly string[]): object => ({
  Member: Object.entries(memberRights).flatMap(([resource, actions]) =>
    actions.map((action) => ({ action, resource })),
  ),
  ...Object.fromEntries(teams.map((team) => [team, []])),
});

export const filesMount = (files: ConfigFiles): Mount => ({
  path: filesFolder,
  from: { kind: 'files', files },
  readOnly: true,
});
