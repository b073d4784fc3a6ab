import { readFileSync } from 'node:fs';
import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type Bucket,
  type BucketAccess,
  type Endpoint,
  type EnvSource,
  field,
  type Issuer,
  type Observable,
  type PostgresServer,
  value,
} from '../contracts/index.ts';
import {
  BatchJob,
  ComponentChart,
  ConfigFiles,
  type ContainerProps,
  type Home,
  HttpService,
  type Mount,
  Pods,
} from '../kit/index.ts';
import { alerts, recordings } from './alerts.ts';
import { silent } from './clients.ts';
import { type SignIn, serverKeys, signIn } from './sign-in.ts';

export { MlflowClients, type MlflowClientsProps } from './clients.ts';

export interface MlflowProps {
  readonly home: Home;
  readonly database: PostgresServer;
  readonly artifacts: Bucket;
  /** Generations of its database login, its bucket key, its secret at the issuer and the key of sessions. */
  readonly generations: Readonly<Record<'database' | 'bucket' | 'client' | 'session', number>>;
  /** Host under which people and jobs reach it from outside the cluster. */
  readonly publicHost: string;
  /** `workers` are processes of each replica. */
  readonly size: { readonly replicas: number; readonly workers: number };
  /** Each has a workspace of its name. */
  readonly teams: readonly string[];
  /** Who says who somebody is; without, nobody is asked, and workspaces are but for order. */
  readonly issuer?: Issuer;
}

const port = 5000;

const pluginCode = [
  'plinth_access.py',
  'plinth_app.py',
  'plinth_artifacts.py',
  'plinth_issuer.py',
  'plinth_sessions.py',
];

/** Always, with or without sign-in: once something is in a workspace, MLflow doesn't start without them. */
const workspaces = { MLFLOW_ENABLE_WORKSPACES: value('true') };

/** A worker takes 250 MiB; what starts them, and one that reads a large answer, take the rest. */
const serverSize = (workers: number): ContainerProps['size'] => ({
  cpu: Cpu.millis(100),
  memory: Size.mebibytes(268 + 250 * workers),
  memoryLimit: Size.mebibytes(1036 + 250 * workers),
});

const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8');

/**
 * MLflow's tracking server and registry: metadata in PostgreSQL, artifacts in the object store. Clients send
 * artifacts through the server, so only the server has a key to the bucket.
 */
export class Mlflow extends ComponentChart {
  readonly service: HttpService;
  readonly endpoint: Endpoint<'http'>;
  readonly observable: Observable;

  constructor(scope: Construct, props: MlflowProps) {
    super(scope, 'mlflow', { home: props.home });
    const pods = new Pods(this, 'Pods', { name: 'mlflow', component: 'mlflow', graceSeconds: 60 });
    const login = { database: 'mlflow', generation: props.generations.database };
    const database = props.database.grantOwner(pods, login);
    const artifacts = props.artifacts.grantReadWrite(pods, {
      owner: 'mlflow',
      generation: props.generations.bucket,
    });
    this.#migrateFirst(pods, props, login);
    const keys = serverKeys(this, pods, props.generations.session);
    const access = signInOf(pods, props);
    const plugin = this.#plugin();
    this.service = new HttpService(this, 'Service', {
      pods,
      replicas: props.size.replicas,
      drainSeconds: 10,
      containers: [
        {
          name: 'mlflow',
          image: image('mlflow'),
          command: serverCommand(props, artifacts.bucket),
          env: {
            HOME: value('/tmp'),
            POD_IP: field('status.podIP'),
            PYTHONPATH: value('/plugins/code:/plugins/metadata'),
            MLFLOW_BACKEND_STORE_URI: database.env('sqlalchemyUrl'),
            // Background jobs of MLflow's own would be eight more processes; pipelines are another component's.
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION: value('false'),
            ...silent,
            ...workspaces,
            ...artifactEnv(artifacts),
            ...keys.env,
            ...access?.env,
          },
          ports: { http: port },
          size: serverSize(props.size.workers),
          mounts: [...plugin, ...(access?.mounts ?? [])],
          probe: { kind: 'http', port, path: '/health' },
        },
      ],
    });
    this.endpoint = this.service.endpoint('http', 'http');
    this.observable = { metrics: [this.service.metrics('http')], recordings, alerts };
  }

  #migrateFirst(
    pods: Pods,
    props: MlflowProps,
    login: { readonly database: string; readonly generation: number },
  ): void {
    const migrate = new Pods(this, 'MigratePods', { name: 'mlflow-migrate', component: 'mlflow' });
    const files = new ConfigFiles(this, 'MigrateFiles', {
      name: 'mlflow-migrate',
      files: { 'migrate.py': file('migrate.py') },
    });
    const database = props.database.grantOwner(migrate, login);
    const job = new BatchJob(this, 'Migrate', {
      pods: migrate,
      deadline: Duration.minutes(15),
      container: {
        name: 'migrate',
        image: image('mlflow'),
        command: ['python3', '/migrate/migrate.py'],
        env: {
          HOME: value('/tmp'),
          MLFLOW_BACKEND_STORE_URI: database.env('sqlalchemyUrl'),
          ...silent,
          ...workspaces,
          WORKSPACES: value(props.teams.join(' ')),
        },
        size: { cpu: Cpu.millis(50), memory: Size.mebibytes(512) },
        mounts: [{ path: '/migrate', from: { kind: 'files', files }, readOnly: true }],
      },
    });
    pods.startAfter(job);
  }

  /** Code, and the metadata by which MLflow finds it as if it were installed. */
  #plugin(): readonly Mount[] {
    const code = new ConfigFiles(this, 'Plugin', {
      name: 'mlflow-plugin',
      files: Object.fromEntries(pluginCode.map((name) => [name, file(name)])),
    });
    const metadata = new ConfigFiles(this, 'PluginMetadata', {
      name: 'mlflow-plugin-metadata',
      files: { METADATA: file('METADATA'), 'entry_points.txt': file('entry_points.txt') },
    });
    return [
      { path: '/plugins/code', from: { kind: 'files', files: code }, readOnly: true },
      {
        path: '/plugins/metadata/plinth_artifacts-1.0.dist-info',
        from: { kind: 'files', files: metadata },
        readOnly: true,
      },
    ];
  }
}

const signInOf = (pods: Pods, { issuer, generations, publicHost, teams }: MlflowProps): SignIn | undefined =>
  issuer === undefined
    ? undefined
    : signIn(pods, { issuer, generation: generations.client, publicHost, teams });

/** What an S3 client needs to reach one bucket with its own key. */
export const artifactEnv = (access: BucketAccess<'readWrite'>): Record<string, EnvSource> => ({
  AWS_ACCESS_KEY_ID: access.secret.env('accessKeyId'),
  AWS_SECRET_ACCESS_KEY: access.secret.env('secretAccessKey'),
  AWS_DEFAULT_REGION: value(access.region),
  MLFLOW_S3_ENDPOINT_URL: value(access.url),
});

const serverCommand = (props: MlflowProps, bucket: string): readonly string[] => {
  const inside = `mlflow.${props.home.name}`;
  const hosts = [`${inside}:${port}`, `${inside}.svc:${port}`, `${inside}.svc.cluster.local:${port}`];
  return [
    'mlflow',
    'server',
    '--host=0.0.0.0',
    `--port=${port}`,
    `--workers=${props.size.workers}`,
    // A worker that a busy machine keeps from answering for 5 seconds is otherwise ended, and so is its successor,
    // which takes longer than that to start.
    '--uvicorn-opts=--timeout-worker-healthcheck=120',
    `--artifacts-destination=s3://${bucket}`,
    '--serve-artifacts',
    '--expose-prometheus=/tmp/metrics',
    ...(props.issuer === undefined ? [] : ['--app-name=plinth']),
    // Anything else is refused: the defence against DNS rebinding. Prometheus asks a pod by its address, and probes
    // do too, which /health allows. Kubernetes puts in the variable.
    `--allowed-hosts=${[...hosts, props.publicHost, `localhost:${port}`, `$(POD_IP):${port}`].join(',')}`,
    `--cors-allowed-origins=https://${props.publicHost}`,
  ];
};
