import { k8s } from 'cdk8s-plus-27';
import type { ModelSource, Predictor, ServedModel } from '../../contracts/index.ts';
import { type ContainerProps, podSpec } from '../../kit/index.ts';
import { cpuUse, type ModelPlace, modelContainers } from '../predictor.ts';

/** A node of the graph: what it is asked passes it first, then its children. */
interface Unit {
  readonly name: string;
  readonly type: 'MODEL' | 'TRANSFORMER';
  readonly endpoint: { readonly type: 'REST'; readonly httpPort: number };
  readonly children?: readonly Unit[];
}

interface SeldonPredictor {
  readonly name: string;
  readonly traffic: number;
  readonly replicas?: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly graph: Unit;
  readonly componentSpecs: readonly object[];
  readonly svcOrchSpec: { readonly resources: object };
}

/** An object of Seldon's kind, in its own words. */
export interface SeldonDeployment {
  readonly apiVersion: 'machinelearning.seldon.io/v1';
  readonly kind: 'SeldonDeployment';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly protocol: 'v2';
    readonly transport: 'rest';
    readonly predictors: readonly SeldonPredictor[];
  };
}

/** Where the first container of a pod answers, and the one behind it. */
const portsOf = (index: number) => ({ http: 9000 + index, metrics: 6000 + index });

/** What a request passes, in order; a transformer is asked before its model. */
const steps = ({
  source,
  transformer,
}: Predictor): readonly (readonly [name: string, source: ModelSource])[] =>
  transformer === undefined
    ? [['model', source]]
    : [
        ['transformer', transformer],
        ['model', source],
      ];

const graphOf = (names: readonly string[], index = 0): Unit => {
  const [name = 'model', ...rest] = names;
  return {
    name,
    type: rest.length === 0 ? 'MODEL' : 'TRANSFORMER',
    endpoint: { type: 'REST', httpPort: portsOf(index).http },
    ...(rest.length === 0 ? {} : { children: [graphOf(rest, index + 1)] }),
  };
};

/** Every container names its model alike, because the name in a request's path is passed to each node of the graph. */
const containersOf = (
  model: string,
  predictor: Predictor,
  place: ModelPlace,
): { readonly before: readonly ContainerProps[]; readonly containers: readonly ContainerProps[] } => {
  const each = steps(predictor).map(([name, source], index) =>
    modelContainers({
      model,
      version: predictor.version,
      sources: [source],
      size: predictor.size,
      tracking: place.tracking,
      name,
      ports: portsOf(index),
    }),
  );
  return { before: each.map(({ fetch }) => fetch), containers: each.map(({ serve }) => serve) };
};

const autoscaling = ({ scaling }: Predictor): object => {
  if (scaling.kind === 'fixed') return {};
  const { minimum, maximum, cpuPercent } = scaling;
  return {
    hpaSpec: { minReplicas: minimum, maxReplicas: maximum, metricsv2: [cpuUse(cpuPercent)] },
  };
};

const predictorOf = (model: string, predictor: Predictor, place: ModelPlace): SeldonPredictor => {
  const { before, containers } = containersOf(model, predictor, place);
  const labels = {
    ...place.labels,
    'plinth.dev/model': model,
    'plinth.dev/predictor': predictor.name,
  };
  const pod = podSpec(
    { serviceAccount: place.serviceAccount, graceSeconds: 60, before },
    containers,
    place.cluster,
  );
  const { scaling } = predictor;
  return {
    name: predictor.name,
    traffic: predictor.weight,
    ...(scaling.kind === 'fixed' ? { replicas: scaling.replicas } : {}),
    labels,
    annotations: { 'plinth.dev/model-version': predictor.version },
    graph: graphOf(steps(predictor).map(([name]) => name)),
    componentSpecs: [
      {
        metadata: { labels },
        pdbSpec: { maxUnavailable: 1 },
        ...autoscaling(predictor),
        spec: podJson(pod),
      },
    ],
    svcOrchSpec: {
      resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    },
  };
};

/** The pod as the API takes it: the typed form keeps quantities and ports as objects. */
const podJson = (pod: k8s.PodSpec): object =>
  k8s.KubePod.manifest({ metadata: { name: 'model' }, spec: pod }).spec as object;

export const seldonDeployment = ({ name, predictors }: ServedModel, place: ModelPlace): SeldonDeployment => ({
  apiVersion: 'machinelearning.seldon.io/v1',
  kind: 'SeldonDeployment',
  metadata: { name, namespace: place.namespace, labels: { ...place.labels, 'plinth.dev/model': name } },
  spec: {
    protocol: 'v2',
    transport: 'rest',
    predictors: predictors.map((each) => predictorOf(name, each, place)),
  },
});
