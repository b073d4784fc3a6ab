import { Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type Bucket,
  type Endpoint,
  type MetricsSource,
  type ObjectStore,
  type Observable,
  type SecretRef,
  SecretRequest,
  type SecretValue,
  value,
} from '../contracts/index.ts';
import {
  ComponentChart,
  ConfigFiles,
  type ContainerProps,
  DataVolume,
  type Home,
  type Mount,
  Pods,
  StatefulService,
} from '../kit/index.ts';
import { alerts, recordings } from './alerts.ts';
import { grantableBucket } from './hand-over.ts';
import { KeyGates } from './key-gates.ts';
import { accessKey, Owners, secretKey } from './owners.ts';
import { scripts } from './scripts.ts';
import { ports, serverCommand } from './server.ts';

export interface SeaweedStoreProps {
  readonly home: Home;
  /** Whole GiB. */
  readonly storage: Size;
}

/** What S3 clients sign with; SeaweedFS has no regions of its own. */
const region = 'us-east-1';
const withdrawnName = 'object-store-withdrawn';
const ready = '/tmp/as-declared';

/**
 * The platform's own S3: SeaweedFS in one pod, with a key per owner limited to its buckets. A second container
 * declares buckets and keys to the running store, so that a new one restarts nothing.
 */
export class SeaweedStore implements ObjectStore, Observable {
  readonly chart: ComponentChart;
  readonly endpoint: Endpoint<'s3'>;
  readonly metrics: readonly MetricsSource[];
  readonly recordings = recordings;
  readonly alerts = alerts;
  readonly #owners = new Owners();
  readonly #gates: KeyGates;

  constructor(scope: Construct, props: SeaweedStoreProps) {
    const { home, storage } = props;
    this.chart = new ComponentChart(scope, 'object-store', { home });
    const pods = new Pods(this.chart, 'Pods', {
      name: 'object-store',
      component: 'object-store',
      // Told to stop, weed takes 18 seconds to leave its own cluster.
      graceSeconds: 60,
    });
    const identities = this.#identities();
    pods.startAfter(identities);
    const volume = new DataVolume(this.chart, 'Data', { name: 'object-store', size: storage });
    const files = new ConfigFiles(this.chart, 'Files', {
      name: 'object-store-files',
      files: scripts('start.py', 'closed.json', 'reconcile.py'),
    });
    const server = new StatefulService(this.chart, 'Server', {
      pods,
      containers: [serverContainer(storage, volume, files), reconcileContainer(files, identities.ref)],
    });
    this.endpoint = server.endpoint('s3', 's3');
    this.metrics = [server.metrics('metrics')];
    this.#gates = new KeyGates(this.chart, { endpoint: this.endpoint, region, after: [server, identities] });
  }

  bucket(name: string): Bucket {
    const { endpoint } = this;
    const url = `http://${endpoint.host}:${endpoint.port}`;
    return grantableBucket(name, { endpoint, url, region, source: 'plinth' }, (mode, consumer, grant) => {
      this.#owners.add(name, mode, grant);
      consumer.startAfter(this.#gates.gate(name, grant));
    });
  }

  /** The present key of an owner, as a login: for what must be told to a person. */
  keyOf(owner: string): { readonly username: SecretValue; readonly password: SecretValue } {
    const generation = this.#owners.generation(owner);
    return { username: accessKey(owner, generation), password: secretKey(owner, generation) };
  }

  /**
   * Ends the keys before the current generations. `chart` must be applied after every consumer, which by then has
   * rolled; nothing is made while every generation is 1.
   */
  withdrawOld(chart: ComponentChart): void {
    const withdrawn = this.#owners.withdrawn;
    if (withdrawn.length === 0) return;
    new k8s.KubeConfigMap(chart, 'WithdrawnKeys', {
      metadata: { name: withdrawnName, namespace: this.chart.home.name },
      data: { 'withdrawn.json': JSON.stringify(withdrawn) },
    });
  }

  #identities(): SecretRequest<'identities.json'> {
    const owners = this.#owners;
    return new SecretRequest(this.chart, 'Identities', {
      namespace: this.chart.home.name,
      name: 'object-store-identities',
      values: {
        // Read when the tree is rendered, after every grant.
        get 'identities.json'() {
          return owners.declaration;
        },
      },
    });
  }
}

const filesMount = (files: ConfigFiles): Mount => ({
  path: '/etc/plinth/files',
  from: { kind: 'files', files },
  readOnly: true,
});

const serverContainer = (storage: Size, volume: DataVolume, files: ConfigFiles): ContainerProps => ({
  name: 'seaweedfs',
  image: image('seaweedfs'),
  command: serverCommand(storage),
  env: { WEED_MASTER_VOLUME_GROWTH_COPY_1: value('1') },
  ports: { s3: ports.s3, metrics: ports.metrics },
  size: { cpu: Cpu.millis(100), memory: Size.mebibytes(512), memoryLimit: Size.gibibytes(1) },
  mounts: [{ path: '/data', from: { kind: 'claim', claim: volume } }, filesMount(files)],
  probe: { kind: 'http', port: ports.s3, path: '/healthz' },
});

const reconcileContainer = (
  files: ConfigFiles,
  identities: SecretRef<'identities.json'>,
): ContainerProps => ({
  name: 'reconcile',
  image: image('seaweedfs'),
  command: [
    'python3',
    '/etc/plinth/files/reconcile.py',
    `--filer=http://127.0.0.1:${ports.filer}`,
    '--identities=/etc/plinth/identities/identities.json',
    '--withdrawn=/etc/plinth/withdrawn/withdrawn.json',
    `--ready=${ready}`,
  ],
  size: { cpu: Cpu.millis(10), memory: Size.mebibytes(64) },
  mounts: [
    filesMount(files),
    { path: '/etc/plinth/identities', from: { kind: 'secret', secret: identities }, readOnly: true },
    { path: '/etc/plinth/withdrawn', from: { kind: 'foreignFiles', name: withdrawnName }, readOnly: true },
  ],
  probe: { kind: 'command', command: ['test', '-e', ready] },
});
