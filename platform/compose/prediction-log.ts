import type { Issuer, ObjectStore, PostgresServer } from '../../constructs/contracts/index.ts';
import { PredictionLog } from '../../constructs/glue/prediction-log/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';

export interface PredictionLogNeeds {
  readonly database: PostgresServer | undefined;
  readonly store: ObjectStore | undefined;
  readonly issuer: Issuer | undefined;
  readonly teams: readonly Team[];
}

/** Comes before the inference gateway, which hands its records to it. */
export const composePredictionLog = (
  context: ComposeContext,
  { database, store, issuer, teams }: PredictionLogNeeds,
): PredictionLog | undefined => {
  const { app, environment, gateway } = context;
  const { predictionLog: chosen } = environment;
  // Without the others the environment was refused.
  if (chosen.kind === 'off' || database === undefined || store === undefined || issuer === undefined)
    return undefined;
  const log = new PredictionLog(app, {
    home: context.namespace('serving'),
    database,
    issuer,
    buckets: Object.fromEntries(teams.map(({ name }) => [name, store.bucket(name)])),
    windowRows: chosen.windowRows,
    retentionDays: chosen.retentionDays,
    generations: {
      database: generation(environment, 'predictionLog/database'),
      bucket: generation(environment, 'predictionLog/bucket'),
    },
  });
  context.observed.push(log);
  const { endpoint, health } = log;
  gateway?.expose(log, { name: 'predictions', endpoint, health });
  return log;
};
