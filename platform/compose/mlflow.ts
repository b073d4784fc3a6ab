import type { ObjectStore, PostgresServer } from '../../constructs/contracts/index.ts';
import { Mlflow } from '../../constructs/mlflow/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';

export const composeMlflow = (
  context: ComposeContext,
  database: PostgresServer,
  store: ObjectStore,
): Mlflow | undefined => {
  const { app, environment, gateway } = context;
  if (environment.mlflow.kind === 'off') return undefined;
  const mlflow = new Mlflow(app, {
    home: context.namespace('mlflow'),
    database,
    artifacts: store.bucket('mlflow'),
    generations: {
      database: generation(environment, 'mlflow/database'),
      bucket: generation(environment, 'mlflow/bucket'),
    },
    publicHost: `mlflow.${environment.domain}`,
    replicas: environment.mlflow.replicas,
  });
  context.observed.push(mlflow.observable);
  gateway?.expose(mlflow, { name: 'mlflow', endpoint: mlflow.endpoint, health: '/health' });
  return mlflow;
};
