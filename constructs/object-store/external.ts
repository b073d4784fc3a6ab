import type { Construct } from 'constructs';
import type { Bucket, Endpoint, ObjectStore } from '../contracts/index.ts';
import type { Home } from '../kit/index.ts';
import { handOver, Owners } from './keys.ts';

export interface ExternalS3Props {
  /** `http(s)://host[:port]` of the S3 API, path-style. */
  readonly url: string;
  readonly region: string;
  /** Where the store's addresses lie: the only ones outside that consumers may speak to, on the port of `url`. */
  readonly cidr: string;
  /** Names a Secret of `home` with `accessKeyId` and `secretAccessKey` that may make buckets. Unset: they exist. */
  readonly adminSecret?: { readonly home: Home; readonly name: string };
}

/** Somebody else's S3. */
export class ExternalS3 implements ObjectStore {
  readonly endpoint: Endpoint<'s3'>;
  readonly #props: ExternalS3Props;
  readonly #owners = new Owners();

  constructor(_scope: Construct, props: ExternalS3Props) {
    const { hostname, port, protocol } = new URL(props.url);
    this.#props = props;
    this.endpoint = {
      kind: 's3',
      host: hostname,
      port: port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port),
      peer: { kind: 'addresses', cidr: props.cidr },
    };
  }

  bucket(name: string): Bucket {
    const { endpoint } = this;
    const { url, region } = this.#props;
    const common = { bucket: name, endpoint, url, region, source: 'preCreated' } as const;
    return {
      name,
      endpoint,
      grantReadWrite: (consumer, grant) => {
        this.#owners.add(name, 'readWrite', grant);
        return handOver('readWrite', { ...common, consumer, grant });
      },
      grantRead: (consumer, grant) => {
        this.#owners.add(name, 'read', grant);
        return handOver('read', { ...common, consumer, grant });
      },
    };
  }
}
