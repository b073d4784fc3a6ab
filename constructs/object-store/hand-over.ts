import {
  type Bucket,
  type BucketAccess,
  type BucketGrantProps,
  type BucketKey,
  type Consumer,
  connect,
  type Endpoint,
  SecretRequest,
  type SecretSource,
  text,
} from '../contracts/index.ts';
import { accessKey, type Mode, secretKey } from './owners.ts';

export interface HandOverProps {
  readonly consumer: Consumer;
  readonly bucket: string;
  readonly grant: BucketGrantProps;
  readonly endpoint: Endpoint<'s3'>;
  readonly url: string;
  readonly region: string;
  readonly source: SecretSource;
}

/**
 * Opens the path and names the key in the consumer's own namespace: Secret `<owner>-bucket-<bucket>`. Another
 * workload of the same owner in the same chart gets the same Secret.
 */
export const handOver = <M extends Mode>(mode: M, props: HandOverProps): BucketAccess<M> => {
  const { consumer, bucket, grant, endpoint, url, region, source } = props;
  const { owner, generation } = grant;
  connect(consumer, endpoint);
  const name = `${owner}-bucket-${bucket}`;
  const known = consumer.scope.node.tryFindChild(name);
  const request = SecretRequest.isSecretRequest(known)
    ? known
    : new SecretRequest<BucketKey>(consumer.scope, name, {
        namespace: consumer.namespace,
        name,
        generation,
        source,
        values: {
          accessKeyId: accessKey(owner, generation),
          secretAccessKey: secretKey(owner, generation),
          endpoint: text(url),
          region: text(region),
          bucket: text(bucket),
        },
      });
  consumer.startAfter(request);
  consumer.rollWith(name, generation);
  return { mode, bucket, url, region, secret: request.ref };
};

/** What the buckets of one store have in common. */
export type Store = Pick<HandOverProps, 'endpoint' | 'url' | 'region' | 'source'>;

/** A bucket whose grants hand over the owner's key, after `prepare` has done what the store itself must do for it. */
export const grantableBucket = (
  bucket: string,
  store: Store,
  prepare: (mode: Mode, consumer: Consumer, grant: BucketGrantProps) => void,
): Bucket => {
  const grantAs = <M extends Mode>(mode: M, consumer: Consumer, grant: BucketGrantProps): BucketAccess<M> => {
    prepare(mode, consumer, grant);
    return handOver(mode, { ...store, consumer, bucket, grant });
  };
  return {
    name: bucket,
    endpoint: store.endpoint,
    grantReadWrite: (consumer, grant) => grantAs('readWrite', consumer, grant),
    grantRead: (consumer, grant) => grantAs('read', consumer, grant),
  };
};
