import { image, reference } from '../catalogue/index.ts';
import type { BucketAccess } from '../contracts/index.ts';

/** Fixed, so that network policies can name them: Spark's own choices would be any. */
export const ports = { driver: 7078, blocks: 7079, ui: 4040, connect: 15_002 } as const;

/** Names that Spark's Kubernetes backend and the operator look for in pod templates. */
export const containers = {
  driver: 'spark-kubernetes-driver',
  executor: 'spark-kubernetes-executor',
} as const;

export const serviceAccounts = {
  client: 'spark-client',
  driver: 'spark-driver',
  executor: 'spark-executor',
} as const;

/** Where pods of Spark find their settings, and clients their templates. */
export const folder = '/etc/plinth/spark';

/** Event logs of a team are in its own bucket: whoever may not read the bucket may not read them. */
export const eventsPrefix = 'spark/events';

type Settings = Readonly<Record<string, string>>;

/** Spark's S3 client, with the key from the environment. */
export const s3aSettings = ({ url, region }: Pick<BucketAccess<'read'>, 'url' | 'region'>): Settings => ({
  'spark.hadoop.fs.s3a.aws.credentials.provider':
    'software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider',
  'spark.hadoop.fs.s3a.connection.ssl.enabled': String(url.startsWith('https:')),
  'spark.hadoop.fs.s3a.endpoint': url,
  'spark.hadoop.fs.s3a.endpoint.region': region,
  'spark.hadoop.fs.s3a.path.style.access': 'true',
});

export interface SettingsProps {
  readonly namespace: string;
  readonly access: BucketAccess<'readWrite'>;
  readonly registry: string | undefined;
  /** Of the Java of drivers and executors. */
  readonly javaOptions: readonly string[];
}

const javaSettings = (options: readonly string[]): Settings =>
  options.length === 0
    ? {}
    : {
        'spark.driver.defaultJavaOptions': options.join(' '),
        'spark.executor.defaultJavaOptions': options.join(' '),
      };

/** What sessions and applications of a team have in common; users may change what no policy depends on. */
export const sparkSettings = ({ namespace, access, registry, javaOptions }: SettingsProps): Settings => ({
  ...s3aSettings(access),
  ...javaSettings(javaOptions),
  // Renames are copies in S3, and a job that dies half way would leave half its files: the magic committer completes
  // multipart uploads instead.
  'spark.hadoop.fs.s3a.committer.name': 'magic',
  'spark.sql.parquet.output.committer.class':
    'org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter',
  'spark.sql.sources.commitProtocolClass': 'org.apache.spark.internal.io.cloud.PathOutputCommitProtocol',
  'spark.sql.warehouse.dir': `s3a://${access.bucket}/spark/warehouse`,
  'spark.eventLog.enabled': 'true',
  'spark.eventLog.dir': `s3a://${access.bucket}/${eventsPrefix}`,
  // An object can't be appended to: a finished part is seen while the application still runs.
  'spark.eventLog.rolling.enabled': 'true',
  'spark.eventLog.rolling.maxFileSize': '16m',
  // Sessions of one team have paths to each other; this is what keeps them apart.
  'spark.authenticate': 'true',
  'spark.network.crypto.enabled': 'true',
  'spark.driver.port': String(ports.driver),
  'spark.driver.blockManager.port': String(ports.blocks),
  'spark.blockManager.port': String(ports.blocks),
  'spark.ui.port': String(ports.ui),
  'spark.ui.prometheus.enabled': 'true',
  'spark.metrics.conf.*.sink.prometheusServlet.class': 'org.apache.spark.metrics.sink.PrometheusServlet',
  'spark.metrics.conf.*.sink.prometheusServlet.path': '/metrics/prometheus',
  // By default every application's metrics have names of their own.
  'spark.metrics.namespace': 'spark',
  'spark.kubernetes.namespace': namespace,
  'spark.kubernetes.container.image': reference(image('spark'), registry),
  'spark.kubernetes.container.image.pullPolicy': 'IfNotPresent',
  'spark.kubernetes.authenticate.driver.serviceAccountName': serviceAccounts.driver,
  'spark.kubernetes.authenticate.executor.serviceAccountName': serviceAccounts.executor,
  'spark.kubernetes.executor.deleteOnTermination': 'true',
  'spark.kubernetes.executor.disableConfigMap': 'true',
  // Ten seconds by default, which a busy node's first connection takes longer than.
  'spark.kubernetes.driver.connectionTimeout': '60000',
  'spark.kubernetes.driver.requestTimeout': '60000',
  // Drivers may not touch the team's volumes.
  'spark.kubernetes.driver.ownPersistentVolumeClaim': 'false',
  'spark.kubernetes.driver.reusePersistentVolumeClaim': 'false',
  // Python on executors lives outside of their heap.
  'spark.executor.memoryOverheadFactor': '0.4',
  'spark.ui.showConsoleProgress': 'false',
});

/** A Java properties file, sorted. */
export const propertiesFile = (settings: Settings): string =>
  Object.entries(settings)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');
