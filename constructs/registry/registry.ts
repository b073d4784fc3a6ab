import { readFileSync } from 'node:fs';
import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type Bucket,
  type BucketAccess,
  type Consumer,
  connect,
  derived,
  type Endpoint,
  type EnvSource,
  type ImageRegistry,
  type Observable,
  type RegistryAccess,
  SecretRequest,
  type TeamSpace,
  value,
  type WebGateway,
} from '../contracts/index.ts';
import { ComponentChart, ConfigFiles, type Home, HttpService, Pods } from '../kit/index.ts';
import { Accounts, login, sharedAccount } from './accounts.ts';
import { alerts, recordings } from './alerts.ts';

export interface RegistryProps {
  readonly home: Home;
  /** Where layers and manifests are; nothing ever removes one. */
  readonly bucket: Bucket;
  /** Nodes pull through it. */
  readonly gateway: WebGateway;
  readonly generations: { readonly bucket: number; readonly shared: number };
}

const component = 'registry';
const ports = { http: 5000, metrics: 5001 };
const folder = '/etc/plinth/registry';

/**
 * Distribution, the registry of images, on a bucket of its own, at `https://registry.<domain>`. Each team has an account
 * and the repositories below its name; account `plinth` has those that teams build on.
 */
export class Registry extends ComponentChart implements ImageRegistry, Observable {
  readonly metrics: Observable['metrics'];
  readonly recordings = recordings;
  readonly alerts = alerts;
  readonly #accounts = new Accounts();
  readonly #pods: Pods;
  readonly #endpoint: Endpoint<'http'>;
  /** As nodes and people reach it. */
  readonly #host: string;
  readonly #known = new Map<string, RegistryAccess>();

  constructor(scope: Construct, props: RegistryProps) {
    super(scope, component, { home: props.home });
    const { bucket, gateway, generations } = props;
    const pods = new Pods(this, 'Pods', { name: component, component, userId: 65_532, graceSeconds: 60 });
    this.#pods = pods;
    this.#host = `registry.${gateway.domain}`;
    const access = bucket.grantReadWrite(pods, { owner: component, generation: generations.bucket });
    const keys = this.#keys();
    pods.startAfter(keys);
    const files = new ConfigFiles(this, 'Files', {
      name: component,
      files: { 'config.yml': readFileSync(new URL('files/config.yml', import.meta.url), 'utf8') },
    });
    const service = new HttpService(this, 'Service', {
      pods,
      replicas: 1,
      containers: [
        {
          name: component,
          image: image('registry'),
          command: ['registry', 'serve', `${folder}/config.yml`],
          env: {
            ...storage(access),
            REGISTRY_HTTP_SECRET: keys.ref.env('httpSecret'),
            OTEL_TRACES_EXPORTER: value('none'),
            // An upload holds parts of 10 MiB in memory, several at a time.
            GOMEMLIMIT: value('300MiB'),
          },
          ports,
          size: { cpu: Cpu.millis(20), memory: Size.mebibytes(64), memoryLimit: Size.mebibytes(384) },
          mounts: [
            { path: folder, from: { kind: 'files', files }, readOnly: true },
            { path: '/etc/plinth/accounts', from: { kind: 'secret', secret: keys.ref }, readOnly: true },
          ],
          probe: { kind: 'http', port: ports.http, path: '/' },
        },
      ],
    });
    this.#endpoint = service.endpoint('http', 'http');
    this.metrics = [service.metrics('metrics')];
    this.#shared(generations.shared);
    gateway.expose(this, { name: component, endpoint: this.#endpoint, health: '/' });
  }

  grantRepositories(team: TeamSpace & Consumer, generation: number): RegistryAccess {
    const known = this.#known.get(team.name) ?? this.#grant(team, generation);
    this.#known.set(team.name, known);
    return known;
  }

  #grant(team: TeamSpace & Consumer, generation: number): RegistryAccess {
    connect(team, this.#endpoint);
    this.#add(team.name, generation);
    const inside = `${this.#endpoint.host}:${this.#endpoint.port}`;
    const name = `${team.name}-registry`;
    const { ref: secret } = new SecretRequest<'.dockerconfigjson'>(team.scope, name, {
      namespace: team.namespace,
      name,
      generation,
      type: 'kubernetes.io/dockerconfigjson',
      values: { '.dockerconfigjson': login(team.name, generation, [this.#host, inside]) },
    });
    return { repositories: `${this.#host}/${team.name}`, inside, secret };
  }

  #keys(): SecretRequest<'accounts.json' | 'httpSecret'> {
    const accounts = this.#accounts;
    return new SecretRequest(this, 'Accounts', {
      namespace: this.home.name,
      name: 'registry-accounts',
      values: {
        // Read when the tree is rendered, after every grant.
        get 'accounts.json'() {
          return accounts.declaration;
        },
        // What replicas sign the state of an upload with, so that any of them can go on with it.
        httpSecret: derived({ owner: component, role: 'uploads', key: 'secret', generation: 1 }),
      },
    });
  }

  /** For whoever puts there what teams build on. */
  #shared(generation: number): void {
    this.#add(sharedAccount, generation);
    new SecretRequest(this, 'Shared', {
      namespace: this.home.name,
      name: 'registry-shared',
      generation,
      type: 'kubernetes.io/dockerconfigjson',
      values: { '.dockerconfigjson': login(sharedAccount, generation, [this.#host]) },
    });
  }

  /** The registry reads its accounts when it starts. */
  #add(account: string, generation: number): void {
    this.#accounts.add(account, generation);
    this.#pods.rollWith(`registry-${account}`, generation);
  }
}

const storage = (access: BucketAccess<'readWrite'>): Readonly<Record<string, EnvSource>> => ({
  REGISTRY_STORAGE_S3_REGIONENDPOINT: value(access.url),
  REGISTRY_STORAGE_S3_REGION: value(access.region),
  REGISTRY_STORAGE_S3_BUCKET: value(access.bucket),
  REGISTRY_STORAGE_S3_SECURE: value(String(access.url.startsWith('https:'))),
  REGISTRY_STORAGE_S3_ACCESSKEY: access.secret.env('accessKeyId'),
  REGISTRY_STORAGE_S3_SECRETKEY: access.secret.env('secretAccessKey'),
});
