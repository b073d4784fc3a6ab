import { Duration } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Exposure, ModelClient, ObjectStore, TrackingServer } from '../../constructs/contracts/index.ts';
import { customResourceDefinitions, DefinitionsChart } from '../../constructs/kit/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { Spark, SparkHistory } from '../../constructs/spark/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';
import type { Identity } from './identity.ts';

export interface SparkParts {
  readonly store: ObjectStore | undefined;
  readonly teams: readonly Team[];
  readonly tracking: TrackingServer | undefined;
  readonly models: (team: Team) => ModelClient;
}

export interface HistoryParts {
  readonly spark: Spark | undefined;
  readonly store: ObjectStore | undefined;
  readonly teams: readonly Team[];
  readonly identity: Identity | undefined;
}

/** Where a team sees what its applications did. */
export interface TeamHistory {
  readonly team: Team;
  readonly exposure: Exposure;
}

/** Nothing where there is no team: everything that Spark does is a team's. */
export const composeSpark = (context: ComposeContext, parts: SparkParts): Spark | undefined => {
  const { app, environment, kubernetes } = context;
  const { store, teams, tracking, models } = parts;
  const { spark: chosen } = environment;
  if (chosen.kind === 'off' || store === undefined || teams.length === 0) return undefined;
  const definitions = new DefinitionsChart(app, 'spark-definitions');
  customResourceDefinitions(definitions, 'spark-operator');
  const home = context.namespace('spark');
  const spark = new Spark(app, {
    home,
    kubernetes,
    driver: Cpu.millis(chosen.driverMillis),
    executorCoreMillis: chosen.executorCoreMillis,
    limit: Duration.hours(chosen.limitHours),
    javaOptions: chosen.javaOptions,
    definitions,
    teams: teams.map((team) => ({
      team,
      home: team.home,
      // The grant that every team has; asked for again, it is the same.
      access: store.bucket(team.name).grantReadWrite(team, {
        owner: team.name,
        generation: generation(environment, `${team.name}/bucket`),
      }),
      ...(tracking === undefined ? {} : { tracking: tracking.grantClient(team) }),
      models: models(team),
    })),
  });
  context.observed.push(spark);
  return spark;
};

/** Each team's history server, where the environment has them and can let people in. */
export const composeSparkHistory = (
  context: ComposeContext,
  { spark, store, teams, identity }: HistoryParts,
): readonly TeamHistory[] => {
  const { app, environment, gateway } = context;
  if (environment.spark.kind === 'off' || !environment.spark.history) return [];
  if (spark === undefined || store === undefined || identity === undefined || gateway === undefined)
    return [];
  const home = context.namespace('spark');
  return teams.map((team) => {
    const history = new SparkHistory(app, {
      home,
      team,
      bucket: store.bucket(team.name),
      runtime: spark.of(team.name),
      generations: {
        bucket: generation(environment, `${team.name}/history`),
        signIn: generation(environment, `${team.name}/history`),
      },
      issuer: identity.issuer,
      gateway,
    });
    context.observed.push(history.observable);
    return { team, exposure: history.exposure };
  });
};
