import { Duration } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { ModelClient, ObjectStore, TrackingServer } from '../../constructs/contracts/index.ts';
import { customResourceDefinitions, DefinitionsChart } from '../../constructs/kit/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { Spark, SparkHistory } from '../../constructs/spark/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';
import type { Identity } from './identity.ts';

export interface SparkParts {
  readonly store: ObjectStore | undefined;
  readonly teams: readonly Team[];
  readonly identity: Identity | undefined;
  readonly tracking: TrackingServer | undefined;
  readonly models: (team: Team) => ModelClient;
}

/** Nothing where there is no team: everything that Spark does is a team's. */
export const composeSpark = (context: ComposeContext, parts: SparkParts): Spark | undefined => {
  const { app, environment, gateway, kubernetes } = context;
  const { store, teams, identity, tracking, models } = parts;
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
  if (!chosen.history || identity === undefined || gateway === undefined) return spark;
  for (const team of teams) {
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
  }
  return spark;
};
