import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type Bucket,
  connect,
  type Endpoint,
  type ObjectStore,
  type SecretRef,
  SecretRequest,
  text,
} from '../contracts/index.ts';
import { BatchJob, ComponentChart, ConfigFiles, type Home, Pods } from '../kit/index.ts';
import { grantableBucket } from './hand-over.ts';
import { Owners } from './owners.ts';
import { scripts } from './scripts.ts';

export interface ExternalS3Props {
  /** `http(s)://host[:port]` of the S3 API, path-style. */
  readonly url: string;
  readonly region: string;
  /** Where the store's addresses lie: consumers may speak to these, on the port of `url`. */
  readonly cidr: string;
  /** Names a Secret of `home` with `accessKeyId` and `secretAccessKey` that may make buckets. Unset: they exist. */
  readonly adminSecret?: { readonly home: Home; readonly name: string };
}

/**
 * Somebody else's S3. Buckets are made by a Job when an administrator's key is named, else they exist. Keys always
 * exist: S3 has no portable API for them, so whoever runs the store makes one per owner, limits it to the owner's
 * buckets, and puts it into the Secret that the README names.
 */
export class ExternalS3 implements ObjectStore {
  readonly endpoint: Endpoint<'s3'>;
  readonly #props: ExternalS3Props;
  readonly #owners = new Owners();
  readonly #buckets: BucketJobs | undefined;

  constructor(scope: Construct, props: ExternalS3Props) {
    const { hostname, port, protocol } = new URL(props.url);
    this.#props = props;
    this.endpoint = {
      kind: 's3',
      host: hostname,
      port: port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port),
      peer: { kind: 'addresses', cidr: props.cidr },
    };
    this.#buckets =
      props.adminSecret === undefined
        ? undefined
        : new BucketJobs(scope, props, props.adminSecret, this.endpoint);
  }

  bucket(name: string): Bucket {
    const { endpoint } = this;
    const { url, region } = this.#props;
    return grantableBucket(name, { endpoint, url, region, source: 'preCreated' }, (mode, consumer, grant) => {
      this.#owners.add(name, mode, grant);
      const made = this.#buckets?.make(name);
      if (made !== undefined) consumer.startAfter(made);
    });
  }
}

/** Makes buckets with the administrator's key, which stays in the namespace of these Jobs. */
class BucketJobs {
  readonly #chart: ComponentChart;
  readonly #pods: Pods;
  readonly #files: ConfigFiles;
  readonly #props: ExternalS3Props;
  readonly #admin: SecretRef<'accessKeyId' | 'secretAccessKey'>;
  readonly #jobs = new Map<string, BatchJob>();

  constructor(
    scope: Construct,
    props: ExternalS3Props,
    admin: { readonly home: Home; readonly name: string },
    endpoint: Endpoint<'s3'>,
  ) {
    this.#props = props;
    this.#chart = new ComponentChart(scope, 'object-store', { home: admin.home });
    this.#admin = new SecretRequest(this.#chart, 'Administrator', {
      namespace: admin.home.name,
      name: admin.name,
      source: 'preCreated',
      values: { accessKeyId: text(''), secretAccessKey: text('') },
    }).ref;
    this.#pods = new Pods(this.#chart, 'Pods', { name: 'object-store-buckets', component: 'object-store' });
    connect(this.#pods, endpoint);
    this.#files = new ConfigFiles(this.#chart, 'Files', {
      name: 'object-store-files',
      files: scripts('make_bucket.py'),
    });
  }

  make(bucket: string): BatchJob {
    const { url, region } = this.#props;
    const job =
      this.#jobs.get(bucket) ??
      new BatchJob(this.#chart, `Bucket-${bucket}`, {
        pods: this.#pods,
        deadline: Duration.minutes(5),
        container: {
          name: 'make-bucket',
          image: image('seaweedfs'),
          command: [
            'python3',
            '/etc/plinth/files/make_bucket.py',
            `--endpoint=${url}`,
            `--region=${region}`,
            `--bucket=${bucket}`,
          ],
          env: {
            AWS_ACCESS_KEY_ID: this.#admin.env('accessKeyId'),
            AWS_SECRET_ACCESS_KEY: this.#admin.env('secretAccessKey'),
          },
          size: { cpu: Cpu.millis(50), memory: Size.mebibytes(128) },
          mounts: [
            { path: '/etc/plinth/files', from: { kind: 'files', files: this.#files }, readOnly: true },
          ],
        },
      });
    this.#jobs.set(bucket, job);
    return job;
  }
}
