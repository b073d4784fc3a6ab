import {
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
