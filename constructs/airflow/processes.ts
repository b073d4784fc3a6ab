import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { image } from '../catalogue/index.ts';
import { type EnvSource, type MetricsSource, type SecretRef, value } from '../contracts/index.ts';
import {
  type ComponentChart,
  ConfigFiles,
  type ContainerProps,
  type Pods,
  type Probe,
  type Question,
  StatefulService,
} from '../kit/index.ts';
import { file } from './file.ts';
import type { KeyName } from './keys.ts';
import { filesFolder, filesMount } from './settings.ts';

export interface ProcessProps {
  readonly pods: Pods;
  readonly env: Readonly<Record<string, EnvSource>>;
  readonly files: ConfigFiles;
  readonly statsd: ConfigFiles;
  readonly keys: SecretRef<KeyName>;
}

const ports = { health: 8974, statsd: 9125, metrics: 9102 };

/** Airflow sends its metrics by UDP, which has no path between pods: each sends to its own pod's exporter. */
const statsdEnv: Readonly<Record<string, EnvSource>> = {
  AIRFLOW__METRICS__STATSD_ON: value('True'),
  AIRFLOW__METRICS__STATSD_HOST: value('127.0.0.1'),
  AIRFLOW__METRICS__STATSD_PORT: value(String(ports.statsd)),
};

/** How Airflow's names become metrics with labels. */
export const statsdMapping = (chart: ComponentChart): ConfigFiles =>
  new ConfigFiles(chart, 'Statsd', {
    name: 'airflow-statsd',
    files: { 'statsd.yaml': file('statsd.yaml') },
  });

const exporter = (files: ConfigFiles): ContainerProps => {
  return {
    name: 'statsd-exporter',
    image: image('statsd-exporter'),
    command: [
      'statsd_exporter',
      '--statsd.mapping-config=/etc/plinth/statsd/statsd.yaml',
      `--statsd.listen-udp=127.0.0.1:${ports.statsd}`,
      '--statsd.listen-tcp=',
      `--web.listen-address=:${ports.metrics}`,
    ],
    ports: { metrics: ports.metrics },
    size: { cpu: Cpu.millis(10), memory: Size.mebibytes(32), memoryLimit: Size.mebibytes(64) },
    mounts: [{ path: '/etc/plinth/statsd', from: { kind: 'files', files }, readOnly: true }],
    probe: { kind: 'http', port: ports.metrics, path: '/-/healthy' },
  };
};

const metricsOf = ({ name, namespace, labels, connections }: Pods): MetricsSource => ({
  job: name,
  namespace,
  labels,
  port: ports.metrics,
  path: '/metrics',
  connections,
});

/** Whether a process hangs: its heartbeat is missing from a database that answers. */
const hangs = (job: string): Question => ({
  kind: 'command',
  command: ['python3', `${filesFolder}/alive.py`, job, '--unless-database-is-down'],
});

/** Whether the process's own heartbeat is in the database; asked seldom, because asking starts a Python. */
const heartbeat = (job: string): Probe => ({
  kind: 'command',
  command: ['python3', `${filesFolder}/alive.py`, job],
  seconds: 60,
  startSeconds: 600,
  liveness: hangs(job),
});

export const scheduler = (
  chart: ComponentChart,
  props: ProcessProps & { readonly namespaces: readonly string[] },
): MetricsSource => {
  const { pods, env, files, keys, namespaces } = props;
  new StatefulService(chart, 'Scheduler', {
    pods,
    containers: [
      {
        name: 'scheduler',
        image: image('airflow'),
        command: ['airflow', 'scheduler'],
        env: {
          ...env,
          ...statsdEnv,
          AIRFLOW__API_AUTH__JWT_SECRET: keys.env('jwt'),
          AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK: value('True'),
          AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME: value('2'),
          AIRFLOW__SCHEDULER__POOL_METRICS_INTERVAL: value('30'),
          AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE: value(pods.namespace),
          AIRFLOW__KUBERNETES_EXECUTOR__MULTI_NAMESPACE_MODE: value('True'),
          AIRFLOW__KUBERNETES_EXECUTOR__MULTI_NAMESPACE_MODE_NAMESPACE_LIST: value(namespaces.join(',')),
          // What a task writes is in its log; a pod that failed is kept by nobody.
          AIRFLOW__KUBERNETES_EXECUTOR__DELETE_WORKER_PODS_ON_FAILURE: value('True'),
        },
        ports: { health: ports.health },
        size: { cpu: Cpu.millis(50), memory: Size.mebibytes(512), memoryLimit: Size.gibibytes(1) },
        mounts: [filesMount(files)],
        probe: {
          kind: 'http',
          port: ports.health,
          path: '/health',
          seconds: 20,
          startSeconds: 600,
          liveness: hangs('SchedulerJob'),
        },
      },
      exporter(props.statsd),
    ],
  });
  return metricsOf(pods);
};

/** Parses DAGs. What authors wrote runs in it, so it may do nothing in Kubernetes and has no key to make tokens. */
export const dagProcessor = (chart: ComponentChart, props: ProcessProps): MetricsSource => {
  const { pods, env, files } = props;
  new StatefulService(chart, 'DagProcessor', {
    pods,
    containers: [
      {
        name: 'dag-processor',
        image: image('airflow'),
        command: ['airflow', 'dag-processor'],
        env: {
          ...env,
          ...statsdEnv,
          AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES: value('1'),
          // A file that has changed is parsed at once, whatever this says.
          AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL: value('300'),
        },
        ports: { health: ports.health },
        size: { cpu: Cpu.millis(50), memory: Size.mebibytes(384), memoryLimit: Size.gibibytes(1) },
        mounts: [filesMount(files)],
        probe: heartbeat('DagProcessorJob'),
      },
      exporter(props.statsd),
    ],
  });
  return metricsOf(pods);
};

/** Waits for what deferred tasks wait for. Triggers of authors run in it, so it may as little as the parser. */
export const triggerer = (chart: ComponentChart, props: ProcessProps): void => {
  const { pods, env, files } = props;
  new StatefulService(chart, 'Triggerer', {
    pods,
    containers: [
      {
        name: 'triggerer',
        image: image('airflow'),
        command: ['airflow', 'triggerer', '--skip-serve-logs'],
        env,
        ports: { health: ports.health },
        size: { cpu: Cpu.millis(50), memory: Size.mebibytes(384), memoryLimit: Size.gibibytes(1) },
        mounts: [filesMount(files)],
        probe: heartbeat('TriggererJob'),
      },
    ],
  });
};
