import { Size } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { image } from '../catalogue/index.ts';
import {
  type EnvSource,
  type ModelSource,
  type Predictor,
  type TrackingClient,
  value,
} from '../contracts/index.ts';
import {
  type ClusterChoices,
  type ContainerProps,
  folderMount,
  type Mount,
  podSpec,
  spread,
} from '../kit/index.ts';

/** An object as the Kubernetes API takes it. */
export interface PredictorManifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly [field: string]: unknown;
}

/** Where a team's models run, and what they may use. */
export interface ModelPlace {
  readonly namespace: string;
  /** Labels of every model pod of the team: the network policy's. */
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** The registry's client; unset: models come from buckets only. */
  readonly tracking: TrackingClient | undefined;
  readonly cluster: ClusterChoices;
}

export const ports = { http: 8080, metrics: 8082 } as const;
const folder = '/mnt/models';

/** MLflow itself is most of what a small model's server holds: no model does with less. */
export const smallest = Size.mebibytes(512);

const uriOf = (source: ModelSource): string => {
  switch (source.kind) {
    case 'registry':
      return `models:/${source.model}/${source.version}`;
    case 'bucket':
      return `s3://${source.access.bucket}/${source.path}`;
    default:
      return source satisfies never;
  }
};

/** How the sources are reached. All of a model's are the team's own, so one sign-in of each kind is enough. */
const access = (
  sources: readonly ModelSource[],
  tracking: TrackingClient | undefined,
): { readonly env: Readonly<Record<string, EnvSource>>; readonly mounts: readonly Mount[] } => {
  const registered = sources.some(({ kind }) => kind === 'registry');
  if (registered && tracking === undefined)
    throw new Error(
      'a model of the registry needs a tracking server, got none; choose a bucket as its source',
    );
  const client = registered ? tracking : undefined;
  const [bucket] = sources.flatMap((source) => (source.kind === 'bucket' ? [source.access] : []));
  return {
    env: {
      ...client?.env,
      ...(bucket === undefined
        ? {}
        : {
            AWS_ACCESS_KEY_ID: bucket.secret.env('accessKeyId'),
            AWS_SECRET_ACCESS_KEY: bucket.secret.env('secretAccessKey'),
            AWS_DEFAULT_REGION: value(bucket.region),
            MLFLOW_S3_ENDPOINT_URL: value(bucket.url),
          }),
    },
    mounts: (client?.folders ?? []).map(folderMount),
  };
};

export interface ModelContainersProps {
  readonly model: string;
  readonly version: string;
  /** In the order in which a request passes them. */
  readonly sources: readonly [ModelSource, ...ModelSource[]];
  readonly size: Predictor['size'];
  readonly tracking: TrackingClient | undefined;
  /** Tells the containers of one pod apart. */
  readonly name: string;
  readonly ports: Readonly<Record<string, number>> & { readonly http: number; readonly metrics: number };
}

/**
 * What fetches a model's files, and what serves them from memory. Only the first has the credentials: a model is
 * somebody's pickled code.
 */
export const modelContainers = (
  props: ModelContainersProps,
): { readonly fetch: ContainerProps; readonly serve: ContainerProps } => {
  const { model, version, sources, size, tracking, name } = props;
  const { env, mounts } = access(sources, tracking);
  const files = { kind: 'scratch', name: `${name}-files`, limit: Size.gibibytes(10) } as const;
  const [first, second] = sources;
  const uris = second === undefined ? { MODEL_URI: first } : { TRANSFORMER_URI: first, MODEL_URI: second };
  return {
    fetch: {
      name: `fetch-${name}`,
      image: image('model-server'),
      command: ['python3', '-m', 'plinth_serving.fetch', folder],
      env: {
        ...env,
        MODEL_NAME: value(model),
        MODEL_VERSION: value(version),
        ...Object.fromEntries(Object.entries(uris).map(([key, source]) => [key, value(uriOf(source))])),
      },
      size,
      mounts: [{ path: folder, from: files }, ...mounts],
    },
    serve: {
      name,
      image: image('model-server'),
      command: ['mlserver', 'start', folder],
      env: {
        MLSERVER_HTTP_PORT: value(String(props.ports.http)),
        MLSERVER_METRICS_PORT: value(String(props.ports.metrics)),
        MLFLOW_DISABLE_TELEMETRY: value('true'),
        // Numerical libraries take every core of the node for themselves else.
        OMP_NUM_THREADS: value('1'),
      },
      ports: props.ports,
      size,
      mounts: [{ path: folder, from: files, readOnly: true }],
      probe: { kind: 'http', port: props.ports.http, path: '/v2/health/ready', startSeconds: 600 },
    },
  };
};

export const predictorName = (model: string, predictor: string): string => `${model}-${predictor}`;

/**
 * The objects of one predictor, a function of its arguments alone: what is deployed with the platform and what is
 * deployed while it runs is the same.
 */
export const predictorManifests = (
  model: string,
  predictor: Predictor,
  place: ModelPlace,
): readonly PredictorManifest[] => {
  const name = predictorName(model, predictor.name);
  const own = { 'plinth.dev/model': model, 'plinth.dev/predictor': predictor.name };
  const labels = { ...place.labels, ...own };
  const { scaling, transformer, source, version, size } = predictor;
  const { fetch, serve } = modelContainers({
    model,
    version,
    sources: transformer === undefined ? [source] : [transformer, source],
    size,
    tracking: place.tracking,
    name: 'model',
    ports,
  });
  const metadata = { name, namespace: place.namespace, labels: { ...labels } };
  const selector = { matchLabels: labels };
  const pod = podSpec(
    { serviceAccount: place.serviceAccount, graceSeconds: 60, before: [fetch] },
    [serve],
    place.cluster,
  );
  const deployment = k8s.KubeDeployment.manifest({
    metadata,
    spec: {
      // An autoscaler owns the number.
      replicas: scaling.kind === 'fixed' ? scaling.replicas : undefined,
      selector,
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: {
          maxUnavailable: k8s.IntOrString.fromNumber(0),
          maxSurge: k8s.IntOrString.fromNumber(1),
        },
      },
      // A large model takes its time to be fetched and loaded.
      progressDeadlineSeconds: 1200,
      template: {
        metadata: { labels, annotations: { 'plinth.dev/model-version': version } },
        spec: { ...pod, topologySpreadConstraints: spread(labels) },
      },
    },
  });
  // A pod goes on answering until whoever sends requests has noticed that it goes; younger than the typed API.
  deployment.spec.template.spec.containers[0].lifecycle = { preStop: { sleep: { seconds: 5 } } };
  return [
    deployment,
    k8s.KubeService.manifest({
      metadata,
      spec: {
        selector: labels,
        ports: [{ name: 'http', port: ports.http, targetPort: k8s.IntOrString.fromNumber(ports.http) }],
      },
    }),
    k8s.KubePodDisruptionBudget.manifest({
      metadata,
      spec: { maxUnavailable: k8s.IntOrString.fromNumber(1), selector },
    }),
    ...(scaling.kind === 'auto'
      ? [
          k8s.KubeHorizontalPodAutoscalerV2.manifest({
            metadata,
            spec: {
              scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
              minReplicas: scaling.minimum,
              maxReplicas: scaling.maximum,
              metrics: [cpuUse(scaling.cpuPercent)],
            },
          }),
        ]
      : []),
  ];
};

export const cpuUse = (percent: number): k8s.MetricSpecV2 => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } },
});
