import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../../catalogue/index.ts';
import {
  type Bucket,
  type BucketAccess,
  type Endpoint,
  type EnvSource,
  type Issuer,
  type Observable,
  type PostgresServer,
  value,
} from '../../contracts/index.ts';
import {
  ComponentChart,
  descriptionOf,
  type Home,
  HttpService,
  healthProbe,
  migrateFirst,
  Pods,
  trust,
  trustMount,
} from '../../kit/index.ts';
import { alerts, recordings } from './alerts.ts';

export interface PredictionLogProps {
  readonly home: Home;
  readonly database: PostgresServer;
  readonly issuer: Issuer;
  /** Each team's own bucket, by its name: what its models were asked is written there. */
  readonly buckets: Readonly<Record<string, Bucket>>;
  /** Rows that are compared with a model's baseline at a time. */
  readonly windowRows: number;
  /** What was found of a version that nobody has asked for so long is exported no longer, in minutes. */
  readonly staleMinutes: number;
  /** How long after a prediction its label may come, in days. */
  readonly retentionDays: number;
  /** Generations of its database login and of its key to the buckets. */
  readonly generations: Readonly<Record<'database' | 'bucket', number>>;
}

const service = descriptionOf<'http' | 'records' | 'admin'>('prediction-log');

/** Whoever may ask a model may say what was true: the same tokens do. */
const audience = 'inference';

/** services/prediction-log: the inference gateway's records as Parquet in each team's bucket, labels, and drift. */
export class PredictionLog extends ComponentChart implements Observable {
  /** Where people and programs of a team tell what was true. */
  readonly endpoint: Endpoint<'http'>;
  /** Where the inference gateway hands over records. */
  readonly records: Endpoint<'http'>;
  readonly health = '/healthz';
  readonly metrics: Observable['metrics'];
  readonly recordings = recordings;
  readonly alerts = alerts;

  constructor(scope: Construct, props: PredictionLogProps) {
    super(scope, 'prediction-log', { home: props.home });
    const pods = new Pods(this, 'Pods', {
      name: service.name,
      component: 'serving',
      userId: 65_532,
      graceSeconds: service.stopSeconds + 10,
    });
    const database = migrateFirst(this, pods, {
      server: props.database,
      login: { database: 'predictions', generation: props.generations.database },
      image: 'prediction-log',
    });
    const verifier = props.issuer.verifier(pods, audience);
    const access = Object.entries(props.buckets).map(([team, bucket]) => {
      const grant = { owner: service.name, generation: props.generations.bucket };
      return [team, bucket.grantReadWrite(pods, grant)] as const;
    });
    const http = new HttpService(this, 'Service', {
      pods,
      // One: windows and files are closed by one process at a time anyway. What comes while it rolls is tried again.
      replicas: 1,
      drainSeconds: 5,
      containers: [
        {
          name: service.name,
          image: image('prediction-log'),
          env: {
            DATABASE_URL: database.env('url'),
            ...storage(access),
            ...trust(verifier),
            WINDOW_ROWS: value(String(props.windowRows)),
            STALE_MINUTES: value(String(props.staleMinutes)),
            RETENTION_DAYS: value(String(props.retentionDays)),
            SHUTDOWN_SECONDS: value(String(service.stopSeconds - 5)),
          },
          ports: service.ports,
          size: { cpu: Cpu.millis(20), memory: Size.mebibytes(128), memoryLimit: Size.mebibytes(384) },
          mounts: trustMount(verifier),
          probe: healthProbe(service),
        },
      ],
    });
    this.endpoint = http.endpoint('http', 'http');
    this.records = http.endpoint('http', 'records');
    this.metrics = [http.metrics('admin', service.metrics.path)];
  }
}

/** One key opens all of these buckets: it is the owner's, not a bucket's. */
const storage = (
  access: readonly (readonly [string, BucketAccess<'readWrite'>])[],
): Readonly<Record<string, EnvSource>> => {
  const [first] = access;
  if (first === undefined) throw new Error('a prediction log without a team has nowhere to write to');
  const [, { secret, url, region }] = first;
  const buckets = Object.fromEntries(access.map(([team, { bucket }]) => [team, bucket]));
  return {
    TEAM_BUCKETS: value(JSON.stringify(buckets)),
    AWS_ENDPOINT_URL_S3: value(url),
    AWS_DEFAULT_REGION: value(region),
    AWS_ACCESS_KEY_ID: secret.env('accessKeyId'),
    AWS_SECRET_ACCESS_KEY: secret.env('secretAccessKey'),
  };
};
