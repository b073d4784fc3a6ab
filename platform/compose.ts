import { App } from 'cdk8s';
import { catalogueProblems } from '../constructs/catalogue/index.ts';
import type { Exposure, ModelClient, SecretValue } from '../constructs/contracts/index.ts';
import { setClusterChoices } from '../constructs/kit/index.ts';
import type { Team } from '../constructs/kubernetes/index.ts';
import { SeaweedStore } from '../constructs/object-store/index.ts';
import { composeAirflow } from './compose/airflow.ts';
import { ComposeContext } from './compose/context.ts';
import {
  composeObjectStore,
  composePostgres,
  composePostgresMetrics,
  composeWithdrawals,
} from './compose/data.ts';
import { composeGateway } from './compose/gateway.ts';
import { composeGrafana } from './compose/grafana.ts';
import { composeIdentity } from './compose/identity.ts';
import { composeMlflow } from './compose/mlflow.ts';
import { modelClient } from './compose/model-clients.ts';
import { composeMonitoring, monitoringIsExposed } from './compose/monitoring.ts';
import { composeNotebooks } from './compose/notebooks.ts';
import { composePortal, runPortal } from './compose/portal.ts';
import { composePredictionLog } from './compose/prediction-log.ts';
import { composePromoter } from './compose/promoter.ts';
import { composeRegistry } from './compose/registry.ts';
import { composeByHand, composeServing } from './compose/serving.ts';
import { composeSpark, composeSparkHistory } from './compose/spark.ts';
import { composeTeams, teamKeys } from './compose/teams.ts';
import { type Environment, EnvironmentError } from './spec.ts';

/** One environment, composed: the tree that is rendered, applied and reviewed. */
export interface Composition {
  readonly app: App;
  readonly environment: Environment;
  /** What people and programs open from outside, by component. */
  readonly exposures: readonly Exposure[];
  /** What people sign in with, by component: fields and how each value comes about. */
  readonly credentials: Readonly<Record<string, Readonly<Record<string, SecretValue>>>>;
}

/**
 * The one place (with its folder) that knows two components. The same environment gives the same tree, whatever
 * the machine.
 */
export const compose = (environment: Environment): Composition => {
  refuseImages(environment);
  const app = new App();
  setClusterChoices(app, environment);
  const context = new ComposeContext(app, environment);
  const server = composePostgres(context);
  const store = composeObjectStore(context);
  composePostgresMetrics(context, server);
  const teams = composeTeams(context, server, store);
  const ownStore = store instanceof SeaweedStore ? store : undefined;
  const ofModels = environment.serving.kind === 'off' ? [] : ['serving'];
  const exposed = [
    ...(monitoringIsExposed(environment) ? ['monitoring'] : []),
    ...(environment.identity.kind === 'keycloak' ? ['identity'] : []),
    ...(environment.mlflow.kind === 'on' ? ['mlflow'] : []),
    ...(environment.airflow.kind === 'on' ? ['airflow'] : []),
    ...ofModels,
    ...(environment.spark.kind === 'on' && environment.spark.history ? ['spark'] : []),
    ...(environment.notebooks.kind === 'on' ? ['jupyterhub'] : []),
    ...(environment.portal.kind === 'on' ? ['portal'] : []),
    ...(environment.registry.kind === 'on' ? ['registry'] : []),
    ...(ownStore === undefined ? [] : ['data']),
  ];
  context.gateway = composeGateway(context, exposed, ofModels);
  if (ownStore !== undefined) {
    const { chart, endpoint } = ownStore;
    context.gateway?.expose(chart, { name: 's3', endpoint, health: '/healthz' });
  }
  const identity = composeIdentity(context, server, teams);
  const tracking =
    server === undefined || store === undefined
      ? undefined
      : composeMlflow(context, { database: server, store, teams, issuer: identity?.issuer });
  const issuer = identity?.issuer;
  const log = composePredictionLog(context, { database: server, store, issuer, teams });
  const served = composeServing(context, { issuer, store, tracking, teams, sink: log?.records });
  const addresses = { models: served?.address, predictions: log?.address };
  const models = (team: Team): ModelClient => modelClient(addresses, team);
  const spark = composeSpark(context, { store, teams, tracking, models });
  const histories = composeSparkHistory(context, { spark, store, teams, identity });
  composeByHand(context, { served, spark, teams });
  const airflow =
    server === undefined || store === undefined || issuer === undefined
      ? undefined
      : composeAirflow(context, { database: server, store, issuer, tracking, models, teams, spark });
  const pipelines = airflow?.endpoint;
  const promoter = composePromoter(context, { database: server, issuer, tracking, teams, served, pipelines });
  const registry = composeRegistry(context, store, teams);
  composeNotebooks(context, { database: server, store, spark, tracking, models, teams, identity, registry });
  composeWithdrawals(context, server, store);
  const portal = composePortal(context, issuer, teams);
  const prometheus = composeMonitoring(context, identity?.issuer);
  if (prometheus !== undefined) promoter?.run(prometheus.endpoint);
  composeGrafana(context, identity?.issuer);
  if (portal !== undefined) runPortal(context, portal, teams, histories);
  const { exposures } = context;
  const credentials = {
    ...(ownStore === undefined ? {} : teamKeys(teams, (owner) => ownStore.keyOf(owner))),
    ...identity?.logins,
  };
  return { app, environment, exposures, credentials };
};

/** Images that the catalogue refuses and the environment doesn't excuse are mistakes of the environment. */
const refuseImages = (environment: Environment): void => {
  const problems = catalogueProblems({ exceptions: environment.imageExceptions });
  if (problems.length === 0) return;
  throw new EnvironmentError(
    `environments/${environment.name}.ts`,
    problems.map((problem) => ({
      path: 'imageExceptions',
      got: problem,
      expected: 'an image that may run',
      mend: 'change the catalogue, or name the exception and its reason here',
    })),
  );
};
