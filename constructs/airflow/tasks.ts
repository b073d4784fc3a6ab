import { Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type Bucket,
  type BucketAccess,
  type Consumer,
  connect,
  type Endpoint,
  type EnvSource,
  type SparkClient,
  storageEnv,
  type TeamSpace,
  type TrackingClient,
  value,
} from '../contracts/index.ts';
import { ComponentChart, folderMount, type Home, type Mount, Pods } from '../kit/index.ts';
import { connection, userId } from './connections.ts';
import { type DagSource, dagBundles, gitEnv } from './dags.ts';
import { everywhere } from './settings.ts';

/** A team as Airflow sees it: whose DAGs it runs where, and with what. */
export interface AirflowTeam {
  readonly space: TeamSpace & Consumer;
  readonly home: Home;
  /** The team's own bucket: tasks work in it, and their logs are kept in it. */
  readonly bucket: Bucket;
  readonly storage: BucketAccess<'readWrite'>;
  /** Unset: there is no tracking server. */
  readonly tracking?: TrackingClient;
  /** Where else something is, as the `plinth` package reads it: served models, the team's database. */
  readonly places: Readonly<Record<string, EnvSource>>;
  /** Unset: there is no Spark. */
  readonly spark?: SparkClient;
  /** How many tasks of the team may run at a time. */
  readonly slots: number;
}

/** Folder of the team's bucket in which logs of its tasks are. */
export const logsOf = (team: AirflowTeam): string => `s3://${team.storage.bucket}/airflow-logs`;

const apiGroup = 'rbac.authorization.k8s.io';

export interface TeamTasksProps {
  readonly team: AirflowTeam;
  readonly apiServer: Endpoint<'http'>;
  readonly dags: DagSource;
  /** Who makes and ends the pods. */
  readonly scheduler: Pods;
}

/** What tasks of one team are: pods in the team's namespace that the scheduler may make, with the team's own keys. */
export class TeamTasks extends ComponentChart {
  /** The pod that every task of the team starts from, as JSON. */
  readonly template: string;

  constructor(scope: Construct, props: TeamTasksProps) {
    const { team, apiServer, dags, scheduler } = props;
    super(scope, `airflow-${team.home.name}`, { home: team.home });
    const pods = new Pods(this, 'Pods', { name: 'airflow-task', component: 'airflow', userId });
    connect(pods, apiServer);
    connect(pods, dags.endpoint);
    this.#rights(scheduler);
    const { spark } = team;
    const mounts = [...(team.tracking?.folders ?? []).map(folderMount), ...sparkMounts(spark)];
    const { spec } = pods.template(
      [
        {
          // The executor's name for it.
          name: 'base',
          image: image('airflow'),
          // Runs what the executor passes as arguments.
          command: ['env'],
          env: this.#env(props),
          size: { cpu: Cpu.millis(100), memory: Size.mebibytes(512), memoryLimit: Size.gibibytes(1) },
          mounts,
        },
      ],
      {
        restartPolicy: 'Never',
        ...(spark === undefined
          ? {}
          : { serviceAccountName: spark.serviceAccount, automountServiceAccountToken: true }),
      },
    );
    const labels = { ...pods.labels, ...spark?.labels };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { labels } };
    this.template = JSON.stringify({ ...pod, spec: k8s.toJson_PodSpec(spec) }, null, 2);
  }

  #env({ team, apiServer, dags }: TeamTasksProps): Record<string, EnvSource> {
    const { tracking, places, spark, space, storage } = team;
    return {
      ...everywhere(`http://${apiServer.host}:${apiServer.port}`),
      AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST: value(dagBundles(dags, [space.name])),
      AIRFLOW__LOGGING__REMOTE_LOGGING: value('True'),
      AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER: value(logsOf(team)),
      AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID: value('aws_default'),
      ...gitEnv(this, dags),
      ...storageEnv(storage),
      PLINTH_TEAM: value(space.name),
      ...places,
      // Without a login of its own a connection takes what boto3 finds: the variables above.
      ...connection('aws_default', { conn_type: 'aws' }),
      ...connection('s3', { conn_type: 'aws', schema: storage.bucket }),
      ...(tracking === undefined
        ? {}
        : { ...tracking.env, ...connection('mlflow', { conn_type: 'http', host: tracking.url }) }),
      ...(spark === undefined
        ? {}
        : {
            ...spark.env,
            ...connection('spark', {
              conn_type: 'kubernetes',
              extra: { in_cluster: true, namespace: space.namespace },
            }),
          }),
    };
  }

  #rights(scheduler: Pods): void {
    const metadata = { name: 'airflow-scheduler' };
    const role = new k8s.KubeRole(this, 'Role', {
      metadata,
      rules: [
        {
          apiGroups: [''],
          resources: ['pods'],
          verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'],
        },
      ],
    });
    const binding = new k8s.KubeRoleBinding(this, 'RoleBinding', {
      metadata,
      roleRef: { apiGroup, kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: scheduler.name, namespace: scheduler.namespace }],
    });
    scheduler.startAfter(role, binding);
  }
}

const sparkMounts = (spark: SparkClient | undefined): readonly Mount[] =>
  spark === undefined
    ? []
    : [
        {
          path: spark.files.path,
          from: { kind: 'foreignFiles', name: spark.files.configMap },
          readOnly: true,
        },
      ];
