import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { IDependable } from 'constructs';
import { image } from '../catalogue/index.ts';
import { type BucketGrantProps, connect, type Endpoint, SecretRequest } from '../contracts/index.ts';
import { BatchJob, type ComponentChart, ConfigFiles, Pods } from '../kit/index.ts';
import { accessKey, secretKey } from './owners.ts';
import { scripts } from './scripts.ts';

export interface KeyGatesProps {
  readonly endpoint: Endpoint<'s3'>;
  readonly region: string;
  /** The store and the declaration of its keys. */
  readonly after: readonly IDependable[];
}

interface Client {
  readonly pods: Pods;
  readonly key: SecretRequest<'accessKeyId' | 'secretAccessKey'>;
}

/**
 * Jobs that end when the store accepts an owner's key on a bucket. The store learns of a key some time after its
 * Secret has changed, as mounted Secrets are passed on with a delay; what waits for the Job starts with a valid one.
 */
export class KeyGates {
  readonly #chart: ComponentChart;
  readonly #props: KeyGatesProps;
  readonly #files: ConfigFiles;
  readonly #clients = new Map<string, Client>();
  readonly #gates = new Map<string, BatchJob>();

  constructor(chart: ComponentChart, props: KeyGatesProps) {
    this.#chart = chart;
    this.#props = props;
    this.#files = new ConfigFiles(chart, 'KeyFiles', {
      name: 'object-store-key-files',
      files: scripts('wait_for_key.py'),
    });
  }

  gate(bucket: string, grant: BucketGrantProps): BatchJob {
    const id = `Key-${grant.owner}-${bucket}`;
    const gate = this.#gates.get(id) ?? this.#make(id, bucket, grant);
    this.#gates.set(id, gate);
    return gate;
  }

  #make(id: string, bucket: string, { owner, generation }: BucketGrantProps): BatchJob {
    const { endpoint, region } = this.#props;
    const { pods, key } = this.#client({ owner, generation });
    return new BatchJob(this.#chart, id, {
      pods,
      deadline: Duration.minutes(6),
      container: {
        name: 'wait-for-key',
        image: image('seaweedfs'),
        command: [
          'python3',
          '/etc/plinth/files/wait_for_key.py',
          `--endpoint=http://${endpoint.host}:${endpoint.port}`,
          `--region=${region}`,
          `--bucket=${bucket}`,
          `--owner=${owner}`,
          `--generation=${generation}`,
          '--deadline=300',
        ],
        env: {
          AWS_ACCESS_KEY_ID: key.ref.env('accessKeyId'),
          AWS_SECRET_ACCESS_KEY: key.ref.env('secretAccessKey'),
        },
        size: { cpu: Cpu.millis(50), memory: Size.mebibytes(128) },
        mounts: [{ path: '/etc/plinth/files', from: { kind: 'files', files: this.#files }, readOnly: true }],
      },
    });
  }

  /** The Job of an owner holds that owner's key, no other. */
  #client({ owner, generation }: BucketGrantProps): Client {
    const known = this.#clients.get(owner);
    if (known !== undefined) return known;
    const name = `object-store-key-${owner}`;
    const pods = new Pods(this.#chart, `KeyPods-${owner}`, { name, component: 'object-store' });
    const key = new SecretRequest(this.#chart, `KeySecret-${owner}`, {
      namespace: this.#chart.home.name,
      name,
      generation,
      values: {
        accessKeyId: accessKey(owner, generation),
        secretAccessKey: secretKey(owner, generation),
      },
    });
    connect(pods, this.#props.endpoint);
    pods.startAfter(key, ...this.#props.after);
    const client = { pods, key };
    this.#clients.set(owner, client);
    return client;
  }
}
