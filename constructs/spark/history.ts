import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type Bucket,
  type Exposure,
  type Issuer,
  type Observable,
  storageEnv,
  type TeamSpace,
  value,
  type WebGateway,
} from '../contracts/index.ts';
import { ComponentChart, ConfigFiles, type Home, HttpService, Pods, SignInProxy } from '../kit/index.ts';
import { eventsPrefix, folder, propertiesFile, s3aSettings } from './settings.ts';
import type { TeamSpark } from './team.ts';

export interface SparkHistoryProps {
  readonly home: Home;
  readonly team: TeamSpace;
  readonly bucket: Bucket;
  readonly runtime: TeamSpark;
  /** Generations of its key and of its sign-in. */
  readonly generations: { readonly bucket: number; readonly signIn: number };
  readonly issuer: Issuer;
  readonly gateway: WebGateway;
}

const port = 18_080;

/**
 * The pages of a team's finished and running applications. A server of its own for each team, with a key that only
 * reads the team's bucket: Spark's history server shows everything it finds to everybody it lets in.
 */
export class SparkHistory extends ComponentChart {
  readonly observable: Observable;
  readonly exposure: Exposure;

  constructor(scope: Construct, props: SparkHistoryProps) {
    super(scope, `spark-history-${props.team.name}`, { home: props.home });
    const { team, issuer, gateway, generations } = props;
    const name = `spark-history-${team.name}`;
    const pods = new Pods(this, 'Pods', { name, component: 'spark', userId: 65_532 });
    const access = props.bucket.grantRead(pods, { owner: name, generation: generations.bucket });
    const settings = new ConfigFiles(this, 'Settings', {
      name,
      files: {
        'history.conf': propertiesFile({
          ...s3aSettings(access),
          'spark.history.fs.logDirectory': `s3a://${access.bucket}/${eventsPrefix}`,
          'spark.history.fs.update.interval': '30s',
          'spark.history.fs.numReplayThreads': '1',
          'spark.history.retainedApplications': '5',
          'spark.history.ui.port': String(port),
          'spark.history.ui.maxApplications': '500',
        }),
      },
    });
    pods.startAfter(props.runtime.events);
    const service = new HttpService(this, 'Service', {
      pods,
      replicas: 1,
      containers: [
        {
          name: 'history',
          image: image('spark'),
          command: ['/usr/bin/tini', '-s', '--', 'spark-start', 'history'],
          env: {
            ...storageEnv(access),
            HOME: value('/tmp'),
            SPARK_DAEMON_MEMORY: value('192m'),
            SPARK_HISTORY_OPTS: value('-XX:+UseSerialGC'),
          },
          ports: { http: port },
          size: { cpu: Cpu.millis(20), memory: Size.mebibytes(320), memoryLimit: Size.mebibytes(640) },
          mounts: [{ path: folder, from: { kind: 'files', files: settings }, readOnly: true }],
          probe: { kind: 'http', port, path: '/api/v1/version', seconds: 20 },
        },
      ],
    });
    const proxy = new SignInProxy(this, 'SignIn', {
      name: `spark-${team.name}`,
      component: 'spark',
      issuer,
      gateway,
      upstream: service.endpoint('http', 'http'),
      groups: [team.group],
      generation: generations.signIn,
    });
    this.exposure = proxy.exposure;
    this.observable = { metrics: [proxy.metrics] };
  }
}
