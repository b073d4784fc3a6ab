import type { PinnedImage } from '../../constructs/catalogue/index.ts';
import {
  type BucketAccess,
  type Endpoint,
  type EnvSource,
  SecretRef,
} from '../../constructs/contracts/index.ts';
import type { ContainerProps } from '../../constructs/kit/index.ts';
import type { artifactEnv } from '../../constructs/mlflow/index.ts';

/** These hold by the type check: an `@ts-expect-error` over code that compiles is itself an error. */
describe('wiring mistakes are compile errors', () => {
  const takesDatabase = (secret: SecretRef<'url'>): EnvSource => secret.env('url');
  const key = new SecretRef('mlflow', 'mlflow-bucket', ['accessKeyId', 'secretAccessKey']);
  const login = new SecretRef('mlflow', 'mlflow-database', ['url', 'password']);

  test('a Secret stands in for another only when it has every key', () => {
    expect(takesDatabase(login)).toEqual({ kind: 'secret', secret: 'mlflow-database', key: 'url' });
    // @ts-expect-error a bucket's key opens no database
    takesDatabase(key);
    // @ts-expect-error no such key in this Secret
    login.env('username');
  });

  test('a read-only bucket cannot hold artifacts', () => {
    const reading = { mode: 'read', bucket: 'mlflow' } as BucketAccess<'read'>;
    // @ts-expect-error a read-only bucket cannot hold artifacts
    const wrong: Parameters<typeof artifactEnv> = [reading];
    expect(wrong).toHaveLength(1);
  });

  test('an object store is no database', () => {
    const store: Endpoint<'s3'> = {
      kind: 's3',
      host: 's3',
      port: 8333,
      peer: { kind: 'namespace', namespace: 'data' },
    };
    // @ts-expect-error S3 is spoken there
    const database: Endpoint<'postgres'> = store;
    expect(database.port).toBe(8333);
  });

  test('a container runs pinned images only', () => {
    // @ts-expect-error an image is taken from the catalogue, not named
    const image: ContainerProps['image'] = 'docker.io/library/postgres:17';
    const forged = { name: 'mlflow', repository: 'plinth/mlflow', version: '1', tag: '1', digest: null };
    // @ts-expect-error what looks like a pinned image isn't one
    const pinned: PinnedImage = forged;
    expect([image, pinned]).toHaveLength(2);
  });
});
