import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { PolicyFile } from '../domain/policy.ts';
import type { Settings } from '../settings.ts';
import type { Database } from '../store/database.ts';
import type { Tokens } from '../web/tokens.ts';
import { Retrainer, type RetrainerProps } from './retrainer.ts';
import { RetrainStore } from './store.ts';
import { retrainApi } from './web.ts';

/** What alerts are answered with, from outside of the process. */
export type RetrainParts = Pick<RetrainerProps, 'pipelines' | 'tags'>;

export interface RetrainProps extends RetrainParts {
  readonly settings: Settings;
  readonly database: Database;
  readonly policies: PolicyFile;
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly serving: RetrainerProps['serving'];
  readonly tokens: Pick<Tokens, 'caller'>;
}

/** Alerts of drift become runs of DAGs, on the service's own port. */
export const retrain = (app: FastifyInstance, props: RetrainProps): void => {
  const { settings, policies, database, pipelines, tags, serving, logger, metrics, tokens } = props;
  if (settings.ALERT_TOKEN === undefined) throw new Error('ALERT_TOKEN: is needed to hear of alerts');
  const store = new RetrainStore(database);
  const retrainer = new Retrainer({
    ...{ store, pipelines, tags, serving, logger, metrics },
    teams: new Set(policies.teams.map(({ name }) => name)),
    period: settings.RETRAIN_PERIOD_SECONDS * 1000,
    now: () => Date.now(),
  });
  retrainApi(app, {
    retrainer,
    store,
    tokens,
    token: settings.ALERT_TOKEN,
    adminGroup: settings.ADMIN_GROUP,
  });
};
