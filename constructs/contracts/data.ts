import type { Consumer } from './consumer.ts';
import type { Endpoint } from './endpoint.ts';
import { type EnvSource, type SecretRef, value } from './secret.ts';

/**
 * What the owner of a database gets, in its own namespace. `url` is a libpq address with the login in it;
 * `sqlalchemyUrl` names the driver as well, because SQLAlchemy's default driver changed with its version 2.1.
 */
export type DatabaseKey = 'url' | 'sqlalchemyUrl' | 'host' | 'port' | 'database' | 'username' | 'password';

export interface DatabaseGrantProps {
  /** Name of the database and of the role that owns what is in it. */
  readonly database: string;
  /** Generation of the login, from 1 on. */
  readonly generation: number;
}

/** How connections to a PostgreSQL server are protected, in libpq's words; addresses in Secrets say it already. */
export interface PostgresTls {
  readonly sslMode: 'disable' | 'require' | 'verify-full';
  /** File of every consumer's containers with the server's authority; set with `verify-full`. */
  readonly rootCertificate?: string;
}

/** A PostgreSQL server, the platform's own or somebody else's. */
export interface PostgresServer {
  readonly endpoint: Endpoint<'postgres'>;
  readonly tls: PostgresTls;
  /**
   * A database of the consumer's own: made before the consumer starts, the path opened at both ends, the login
   * in a Secret of the consumer's namespace. Nothing ever drops a database.
   */
  grantOwner(consumer: Consumer, props: DatabaseGrantProps): SecretRef<DatabaseKey>;
}

/**
 * Environment of whoever works with one database, in libpq's own variables: psycopg, psql and `plinth.database()` need
 * nothing else.
 */
export const databaseEnv = (
  secret: SecretRef<DatabaseKey>,
  tls: Pick<PostgresTls, 'sslMode'>,
): Record<string, EnvSource> => ({
  PGHOST: secret.env('host'),
  PGPORT: secret.env('port'),
  PGDATABASE: secret.env('database'),
  PGUSER: secret.env('username'),
  PGPASSWORD: secret.env('password'),
  PGSSLMODE: value(tls.sslMode),
});

export type BucketKey = 'accessKeyId' | 'secretAccessKey' | 'endpoint' | 'region' | 'bucket';

export interface BucketGrantProps {
  /** Whose key it is: one per consumer, limited to the buckets granted to it. */
  readonly owner: string;
  /** Generation of the key, from 1 on. */
  readonly generation: number;
}

export interface Bucket {
  readonly name: string;
  readonly endpoint: Endpoint<'s3'>;
  grantReadWrite(consumer: Consumer, props: BucketGrantProps): BucketAccess<'readWrite'>;
  grantRead(consumer: Consumer, props: BucketGrantProps): BucketAccess<'read'>;
}

/** Access to one bucket; `mode` tells read-only from writable access at compile time. */
export interface BucketAccess<Mode extends 'read' | 'readWrite'> {
  readonly mode: Mode;
  readonly bucket: string;
  /** `http(s)://host:port`, path-style. */
  readonly url: string;
  readonly region: string;
  readonly secret: SecretRef<BucketKey>;
}

/** An S3 store, the platform's own or somebody else's. */
export interface ObjectStore {
  readonly endpoint: Endpoint<'s3'>;
  /** The bucket of this name, made if the store is the platform's own. Nothing ever deletes a bucket. */
  bucket(name: string): Bucket;
}

/**
 * Environment of whoever works with one bucket: boto3, s3fs and `plinth.storage()` need nothing else, and Spark's
 * images put it into s3a's settings.
 */
export const storageEnv = (access: BucketAccess<'read' | 'readWrite'>): Record<string, EnvSource> => ({
  AWS_ACCESS_KEY_ID: access.secret.env('accessKeyId'),
  AWS_SECRET_ACCESS_KEY: access.secret.env('secretAccessKey'),
  AWS_DEFAULT_REGION: value(access.region),
  AWS_ENDPOINT_URL_S3: value(access.url),
  PLINTH_BUCKET: value(access.bucket),
});
