import type {
  Issuer,
  ObjectStore,
  PostgresServer,
  TrackingServer,
} from '../../constructs/contracts/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { Mlflow, MlflowClients } from '../../constructs/mlflow/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';

export interface MlflowNeeds {
  readonly database: PostgresServer;
  readonly store: ObjectStore;
  readonly teams: readonly Team[];
  readonly issuer: Issuer | undefined;
}

/** Every team has a workspace of its name, and every pod of its namespace may reach it. */
export const composeMlflow = (context: ComposeContext, needs: MlflowNeeds): TrackingServer | undefined => {
  const { app, environment, gateway } = context;
  if (environment.mlflow.kind === 'off') return undefined;
  const { database, store, teams, issuer } = needs;
  const mlflow = new Mlflow(app, {
    home: context.namespace('mlflow'),
    database,
    artifacts: store.bucket('mlflow'),
    generations: {
      database: generation(environment, 'mlflow/database'),
      bucket: generation(environment, 'mlflow/bucket'),
      client: generation(environment, 'mlflow/client'),
      session: generation(environment, 'mlflow/session'),
    },
    publicHost: `mlflow.${environment.domain}`,
    size: { replicas: environment.mlflow.replicas, workers: environment.mlflow.workers },
    teams: teams.map(({ name }) => name),
    ...(issuer === undefined ? {} : { issuer }),
  });
  context.observed.push(mlflow.observable);
  gateway?.expose(mlflow, { name: 'mlflow', endpoint: mlflow.endpoint, health: '/health' });
  const clients = new MlflowClients({
    server: mlflow.endpoint,
    pods: mlflow.service.pods,
    ...(gateway === undefined ? {} : { gateway }),
    ...(issuer === undefined ? {} : { issuer }),
  });
  for (const team of teams) clients.grantClient(team);
  return clients;
};
