import { Duration } from 'cdk8s';
import type { Endpoint, Issuer, PostgresServer, TrackingServer } from '../../constructs/contracts/index.ts';
import { Promoter, type RolloutPolicy } from '../../constructs/glue/promoter/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { MlserverServing } from '../../constructs/serving/index.ts';
import type { PolicyChoice } from '../spec/promoter.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';
import { type Served, shapeOf } from './serving.ts';

export interface PromoterNeeds {
  readonly database: PostgresServer | undefined;
  readonly issuer: Issuer | undefined;
  readonly tracking: TrackingServer | undefined;
  readonly served: Served | undefined;
  readonly teams: readonly Team[];
  /** Where DAGs are started. */
  readonly pipelines: Endpoint<'http'> | undefined;
}

const policyOf = (choice: PolicyChoice): RolloutPolicy => {
  const { steps, gates, readySeconds, blindSeconds, concurrent, queued, timeoutSeconds, log, outliers } =
    choice;
  const { fastEnoughSeconds, ...rest } = gates;
  return {
    steps,
    gates: { ...rest, fastEnough: fastEnoughSeconds },
    readySeconds,
    blindSeconds,
    limits: { timeoutSeconds, concurrent, queued },
    log,
    outliers,
    shape: shapeOf(choice),
  };
};

const mapped = <From, To>(record: Readonly<Record<string, From>>, to: (from: From) => To) =>
  Object.fromEntries(Object.entries(record).map(([name, each]) => [name, to(each)]));

/** Comes after serving and before monitoring; it is run when Prometheus is there. */
export const composePromoter = (context: ComposeContext, needs: PromoterNeeds): Promoter | undefined => {
  const { app, environment, kubernetes } = context;
  const { promoter: chosen, serving } = environment;
  const { database, issuer, tracking, served, teams, pipelines } = needs;
  // Without the others the environment was refused.
  if (chosen.kind === 'off' || serving.kind === 'off' || database === undefined) return undefined;
  if (issuer === undefined || tracking === undefined || served === undefined) return undefined;
  const { implementation, inference } = served;
  if (!(implementation instanceof MlserverServing)) return undefined;
  const shapes = { default: shapeOf(chosen.policy), models: mapped(chosen.models, shapeOf) };
  const promoter = new Promoter(app, {
    home: context.namespace('serving'),
    database,
    issuer,
    tracking,
    kubernetes,
    teams: teams.map((space) => ({ space, templates: implementation.publish(space, shapes) })),
    rollouts: {
      policies: { default: policyOf(chosen.policy), models: mapped(chosen.models, policyOf) },
      declared: serving.models.map(({ name }) => name),
      routes: { configMap: inference.routes, chart: inference },
    },
    generations: {
      database: generation(environment, 'promoter/database'),
      client: generation(environment, 'promoter/client'),
      webhook: generation(environment, 'promoter/webhook'),
    },
  });
  if (chosen.retrain.kind === 'on' && pipelines !== undefined)
    context.alertHandlers.push(
      promoter.retrain({
        airflow: pipelines,
        period: Duration.minutes(chosen.retrain.periodMinutes),
        generation: generation(environment, 'promoter/alerts'),
      }),
    );
  context.observed.push(promoter);
  const { endpoint, health } = promoter;
  context.expose(promoter, { name: 'promoter', endpoint, health });
  return promoter;
};
