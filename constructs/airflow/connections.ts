import { type BucketAccess, type EnvSource, value } from '../contracts/index.ts';

/** Where boto3, and whatever is made of it, finds the store and its key: no client of S3 needs a line of set-up. */
export const storageEnv = (access: BucketAccess<'read' | 'readWrite'>): Record<string, EnvSource> => ({
  AWS_ACCESS_KEY_ID: access.secret.env('accessKeyId'),
  AWS_SECRET_ACCESS_KEY: access.secret.env('secretAccessKey'),
  AWS_DEFAULT_REGION: value(access.region),
  AWS_ENDPOINT_URL: value(access.url),
});

/** A connection by its id, as `AIRFLOW_CONN_<ID>`: none is in the database, where any task could read it. */
export const connection = (id: string, content: object): Record<string, EnvSource> => ({
  [`AIRFLOW_CONN_${id.toUpperCase()}`]: value(JSON.stringify(content)),
});
