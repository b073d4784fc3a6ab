import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import type { Bucket, Endpoint, MetricsSource, ObjectStore, Observable } from '../contracts/index.ts';
import { ComponentChart, DataVolume, type Home, Pods, StatefulService } from '../kit/index.ts';
import { handOver, Owners } from './keys.ts';

export interface SeaweedStoreProps {
  readonly home: Home;
  /** Whole GiB. */
  readonly storage: Size;
  /** Unset: the cluster's default. */
  readonly storageClass?: string;
}

const region = 'us-east-1';

/** The platform's own S3: SeaweedFS in one pod, with a key per consumer limited to its buckets. */
export class SeaweedStore implements ObjectStore, Observable {
  readonly chart: ComponentChart;
  readonly endpoint: Endpoint<'s3'>;
  readonly metrics: readonly MetricsSource[];
  readonly #owners = new Owners();

  constructor(scope: Construct, props: SeaweedStoreProps) {
    const { home, storage, storageClass } = props;
    this.chart = new ComponentChart(scope, 'object-store', { home });
    const pods = new Pods(this.chart, 'Pods', { name: 'object-store', component: 'object-store' });
    const volume = new DataVolume(this.chart, 'Volume', {
      name: 'object-store',
      size: storage,
      storageClass,
    });
    const server = new StatefulService(this.chart, 'Server', {
      pods,
      containers: [
        {
          name: 'seaweedfs',
          image: image('seaweedfs'),
          command: ['weed', 'server', '-s3', '-dir=/data'],
          ports: { s3: 8333, metrics: 9327 },
          size: { cpu: Cpu.millis(100), memory: Size.mebibytes(512) },
          mounts: [{ path: '/data', from: { kind: 'claim', claim: volume } }],
          probe: { kind: 'http', port: 8333, path: '/healthz' },
        },
      ],
    });
    this.endpoint = server.endpoint('s3', 's3');
    this.metrics = [server.metrics('metrics')];
  }

  bucket(name: string): Bucket {
    const { endpoint } = this;
    const url = `http://${endpoint.host}:${endpoint.port}`;
    const common = { bucket: name, endpoint, url, region, source: 'plinth' } as const;
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

  /**
   * Withdraws the keys before the current generation, once every consumer has rolled. Called after all grants;
   * it makes nothing while every generation is 1.
   */
  withdrawOld(_scope: Construct): void {}
}
