import {
  type BucketAccess,
  type BucketGrantProps,
  type BucketKey,
  type Consumer,
  connect,
  derived,
  type Endpoint,
  SecretRequest,
  type SecretSource,
  type SecretValue,
  text,
} from '../contracts/index.ts';

export type Mode = 'read' | 'readWrite';

/** One owner's key: valid for its buckets, as far as each grant goes. */
export interface Owner {
  readonly owner: string;
  readonly generation: number;
  readonly buckets: ReadonlyMap<string, Mode>;
}

export const accessKey = (owner: string, generation: number): SecretValue =>
  derived({ owner, role: 'object-store', key: 'accessKeyId', generation }, 'accessKey');

export const secretKey = (owner: string, generation: number): SecretValue =>
  derived({ owner, role: 'object-store', key: 'secretAccessKey', generation });

/** Who may do what, as the grants came in; an owner has one key, so its grants may not contradict each other. */
export class Owners {
  readonly #owners = new Map<string, { generation: number; readonly buckets: Map<string, Mode> }>();

  add(bucket: string, mode: Mode, { owner, generation }: BucketGrantProps): void {
    const known = this.#owners.get(owner) ?? { generation, buckets: new Map<string, Mode>() };
    if (known.generation !== generation)
      throw new Error(
        `bucket ${bucket}: the key of ${owner} has generation ${known.generation} in another grant, got ${generation}; an owner has one key`,
      );
    const before = known.buckets.get(bucket);
    if (before !== undefined && before !== mode)
      throw new Error(
        `bucket ${bucket}: ${owner} holds it as '${before}', got '${mode}'; give the second workload an owner of its own`,
      );
    known.buckets.set(bucket, mode);
    this.#owners.set(owner, known);
  }

  /** By name, so that the order of grants changes nothing. */
  get all(): readonly Owner[] {
    return [...this.#owners.entries()]
      .map(([owner, { generation, buckets }]) => ({ owner, generation, buckets }))
      .sort((a, b) => (a.owner < b.owner ? -1 : 1));
  }
}

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
 * Opens the path and puts the key into the consumer's namespace, as Secret `<consumer>-bucket-<bucket>`. Asked
 * again for the same consumer and bucket, it answers with the same Secret.
 */
export const handOver = <M extends Mode>(mode: M, props: HandOverProps): BucketAccess<M> => {
  const { consumer, bucket, grant, endpoint, url, region, source } = props;
  const { owner, generation } = grant;
  connect(consumer, endpoint);
  const name = `${consumer.name}-bucket-${bucket}`;
  const known = consumer.scope.node.tryFindChild(name);
  const request = SecretRequest.isSecretRequest(known)
    ? (known as SecretRequest<BucketKey>)
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
  consumer.rollWith(`bucket-${bucket}`, generation);
  return { mode, bucket, url, region, secret: request.ref };
};
