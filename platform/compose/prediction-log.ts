import type { Endpoint, Issuer, ObjectStore, PostgresServer } from '../../constructs/contracts/index.ts';
import { PredictionLog } from '../../constructs/glue/prediction-log/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';
import type { ClientAddress } from './model-clients.ts';

export interface PredictionLogNeeds {
  readonly database: PostgresServer | undefined;
  readonly store: ObjectStore | undefined;
  readonly issuer: Issuer | undefined;
  readonly teams: readonly Team[];
}

export interface LoggedPredictions {
  /** Takes the inference gateway's records. */
  readonly records: Endpoint<'http'>;
  /** Takes labels and baselines. */
  readonly address: ClientAddress;
}

/** Comes before the inference gateway, which hands its records to it. */
export const composePredictionLog = (
  context: ComposeContext,
  { database, store, issuer, teams }: PredictionLogNeeds,
): LoggedPredictions | undefined => {
  const { app, environment } = context;
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
    staleMinutes: chosen.staleMinutes,
    retentionDays: chosen.retentionDays,
    generations: {
      database: generation(environment, 'predictionLog/database'),
      bucket: generation(environment, 'predictionLog/bucket'),
    },
  });
  context.observed.push(log);
  const { endpoint, records, health } = log;
  return { records, address: context.expose(log, { name: 'predictions', endpoint, health }) };
};
