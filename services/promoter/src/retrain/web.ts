import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Tokens } from '../web/tokens.ts';
import { driftAlertOf } from './alert.ts';
import type { Result, Retrainer } from './retrainer.ts';
import type { RetrainStore } from './store.ts';

export interface RetrainApi {
  readonly retrainer: Retrainer;
  readonly store: Pick<RetrainStore, 'of'>;
  /** What Alertmanager proves itself with. */
  readonly token: string;
  readonly tokens: Pick<Tokens, 'caller'>;
  readonly adminGroup: string;
}

/** A model has up to 200 fields, each an alert. */
const largest = 1024 * 1024;

const statusOf = (result: Result): number => {
  if (result === 'unknown') return 404;
  // Alertmanager tries again after 5xx and never after 4xx.
  return result === 'failed' ? 503 : 200;
};

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Where Alertmanager tells of drift, and where a team's members see what came of it. */
export const retrainApi = (app: FastifyInstance, api: RetrainApi): void => {
  const { retrainer, store, tokens, adminGroup } = api;
  const expected = digest(`Bearer ${api.token}`);
  void app.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      if (timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) return undefined;
      retrainer.refuse('unauthorized');
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer')
        .send({ error: "the token isn't Alertmanager's" });
    });
    scope.setErrorHandler(
      (error: { readonly statusCode?: number; readonly message: string }, request, reply) => {
        if (error.statusCode !== undefined && error.statusCode < 500) {
          retrainer.refuse('malformed');
          return reply.code(error.statusCode === 413 ? 413 : 400).send({ error: error.message });
        }
        request.log.error({ reason: error.message }, 'an alert was not taken');
        return reply.code(503).send({ error: 'try again' });
      },
    );
    scope.post('/webhooks/alerts', { bodyLimit: largest }, async (request, reply) => {
      const alert = driftAlertOf(request.body);
      if (alert === undefined) {
        retrainer.refuse('malformed');
        const error = 'expected a message of Alertmanager about one model: labels alertname, team and model';
        return reply.code(400).send({ error });
      }
      const decision = await retrainer.decide(alert);
      return reply.code(statusOf(decision.result)).send(decision);
    });
  });

  app.get('/models/:name/retrainings', async (request) => {
    const { groups } = await tokens.caller(request.headers.authorization);
    const { name } = request.params as { readonly name: string };
    const { retrainings, decisions } = await store.of(name);
    const mine = ({ team }: { readonly team: string }): boolean => groups.has(team) || groups.has(adminGroup);
    return { retrainings: retrainings.filter(mine), decisions: decisions.filter(mine) };
  });
};
