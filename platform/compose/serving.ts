import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type {
  Endpoint,
  Issuer,
  ModelServing,
  ModelSource,
  ObjectStore,
  Observable,
  Predictor,
  PredictorShape,
  SparkRuntime,
  TrackingServer,
} from '../../constructs/contracts/index.ts';
import { InferenceGateway } from '../../constructs/glue/inference-gateway/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { MlserverServing, SeldonServing } from '../../constructs/serving/index.ts';
import { commonPredictor, type ModelChoice } from '../spec/serving.ts';
import { type Environment, generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';
import type { ClientAddress } from './model-clients.ts';
import { teamBucket } from './teams.ts';

export interface ServingNeeds {
  readonly issuer: Issuer | undefined;
  readonly store: ObjectStore | undefined;
  readonly tracking: TrackingServer | undefined;
  readonly teams: readonly Team[];
  /** Takes prediction records. */
  readonly sink: Endpoint<'http'> | undefined;
}

export interface ByHandNeeds {
  readonly served: Served | undefined;
  readonly spark: SparkRuntime | undefined;
  readonly teams: readonly Team[];
}

const implementation = (
  context: ComposeContext,
  { tracking, teams }: ServingNeeds,
): (ModelServing & Observable) | undefined => {
  const { serving } = context.environment;
  switch (serving.kind) {
    case 'mlserver':
      return new MlserverServing(context.app, { tracking });
    case 'seldon':
      return new SeldonServing(context.app, {
        home: context.namespace('seldon'),
        teams: teams.map(({ home }) => home),
        kubernetes: context.kubernetes,
        tracking,
        generation: generation(context.environment, 'seldon/webhook'),
      });
    case 'off':
      return undefined;
    default:
      return serving satisfies never;
  }
};

/** A team's models come from its own bucket, with the team's own key. */
const sourceOf = (
  source: ModelChoice['predictors'][number]['source'],
  context: ComposeContext,
  store: ObjectStore | undefined,
  team: Team,
): ModelSource => {
  if (source.kind === 'registry') return source;
  // Without a store the environment was refused.
  if (store === undefined) throw new Error(`model of team ${team.name} in a bucket, without an object store`);
  return { kind: 'bucket', access: teamBucket(context, store, team), path: source.path };
};

/** What a predictor takes, for a model or for a policy of rollouts. */
export const shapeOf = ({
  scaling,
  cpu,
  memoryMiB,
}: Pick<ModelChoice['predictors'][number], 'scaling' | 'cpu' | 'memoryMiB'>): PredictorShape => ({
  scaling,
  size: { cpu: Cpu.millis(Math.round(cpu * 1000)), memory: Size.mebibytes(memoryMiB) },
});

const predictorOf = (
  { name, source, transformer, weight, scaling, cpu, memoryMiB }: ModelChoice['predictors'][number],
  resolve: (source: ModelChoice['predictors'][number]['source']) => ModelSource,
): Predictor => ({
  name,
  version: source.kind === 'registry' ? String(source.version) : name,
  source: resolve(source),
  ...(transformer === undefined ? {} : { transformer: resolve(transformer) }),
  weight,
  ...shapeOf({ scaling, cpu, memoryMiB }),
});

/** Whether a team's own pods may, with the identity that Spark's clients have, what is in the registry. */
const deployByHand = ({ serving, spark, mlflow }: Environment): boolean =>
  serving.kind === 'mlserver' && serving.byHand && spark.kind === 'on' && mlflow.kind === 'on';

/** Comes after Spark, which gives notebooks and DAG tasks their identity. */
export const composeByHand = (
  { environment }: ComposeContext,
  { served, spark, teams }: ByHandNeeds,
): void => {
  if (spark === undefined || !deployByHand(environment)) return;
  if (!(served?.implementation instanceof MlserverServing)) return;
  for (const team of teams) served.implementation.letDeploy(team, spark.client(team).serviceAccount);
};

/** How models are served, for who deploys them while the platform runs. */
export interface Served {
  readonly implementation: ModelServing & Observable;
  readonly inference: InferenceGateway;
  readonly address: ClientAddress;
}

/** Models of every team behind one gateway. */
export const composeServing = (context: ComposeContext, needs: ServingNeeds): Served | undefined => {
  const { environment, app } = context;
  const { issuer, store, teams, sink } = needs;
  const serving = implementation(context, needs);
  // Without an issuer the environment was refused.
  if (serving === undefined || environment.serving.kind === 'off' || issuer === undefined) return undefined;
  const { models, replicas } = environment.serving;
  const routes = models.map((model) => {
    const team = teams.find(({ name }) => name === model.team);
    if (team === undefined) throw new Error(`model ${model.name}: no team ${model.team}`);
    const [first, ...rest] = model.predictors.map((each) =>
      predictorOf(each, (source) => sourceOf(source, context, store, team)),
    );
    if (first === undefined) throw new Error(`model ${model.name} has no predictor`);
    return serving.serve({ name: model.name, team, predictors: [first, ...rest] });
  });
  if (serving instanceof MlserverServing && deployByHand(environment))
    for (const team of teams) serving.publish(team, { default: shapeOf(commonPredictor), models: {} });
  const inference = new InferenceGateway(app, {
    home: context.namespace('serving'),
    issuer,
    replicas,
    routes: {
      declared: routes,
      limits: Object.fromEntries(models.map((model) => [model.name, model])),
      teams: deployByHand(environment) ? teams : [],
    },
    kubernetes: context.kubernetes,
    sink,
    models: teams.map((team) => serving.modelsOf(team)),
  });
  context.observed.push(inference, serving);
  const { endpoint, health } = inference;
  // A prediction has no effects.
  const address = context.expose(inference, { name: 'models', endpoint, health, repeatable: true });
  return { implementation: serving, inference, address };
};
