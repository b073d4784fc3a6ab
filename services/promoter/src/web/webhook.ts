import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Registry } from '../control/ports.ts';
import type { DeliveryResult, Metrics } from '../metrics.ts';
import type { Store } from '../store/store.ts';
import { verified } from './signature.ts';

export interface WebhookProps {
  readonly deliveries: Pick<Store['deliveries'], 'seen' | 'take'>;
  readonly registry: Pick<Registry, 'model'>;
  readonly metrics: Metrics;
  readonly secret: string;
  readonly alias: string;
  readonly teams: ReadonlySet<string>;
  readonly now: () => number;
  /** The alias of this model was set, or taken away: look at it, now rather than in a minute. */
  readonly changed: (change: AliasChange) => void;
}

export interface AliasChange {
  readonly team: string;
  readonly model: string;
  /** Undefined: it was taken away. */
  readonly version: string | undefined;
  /** In milliseconds. */
  readonly at: number;
}

const event = z.object({
  entity: z.string(),
  action: z.string(),
  workspace: z.string().optional(),
  /** When it happened; a delivery may come much later. */
  timestamp: z.iso.datetime({ offset: true }).optional().catch(undefined),
  data: z.record(z.string(), z.unknown()),
});
const aliasData = z.object({
  name: z.string().min(1),
  alias: z.string().min(1),
  version: z.coerce.string().optional(),
});

const largest = 64 * 1024;

const parsed = (body: Buffer): z.infer<typeof event> | undefined => {
  try {
    return event.safeParse(JSON.parse(body.toString('utf8'))).data;
  } catch {
    return undefined;
  }
};

/**
 * MLflow's webhooks. What one says is a hint to look into the registry, and nothing is done that the registry doesn't
 * say as well: whoever could forge one would only cause a look.
 */
export const webhook = (app: FastifyInstance, props: WebhookProps): void => {
  const { deliveries, registry, metrics } = props;
  const answer = (reply: FastifyReply, status: number, result: DeliveryResult, message: string) => {
    metrics.deliveries.inc({ result });
    return reply.code(status).send(status < 300 ? { status: message } : { error: message });
  };
  void app.register(async (scope) => {
    // Signed are the bytes, whatever they are said to be.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.setErrorHandler(
      (error: { readonly statusCode?: number; readonly message: string }, request, reply) => {
        if (error.statusCode === 413) return answer(reply, 413, 'too large', `at most ${largest} bytes`);
        if (error.statusCode !== undefined && error.statusCode < 500)
          return answer(reply, 400, 'malformed', error.message);
        request.log.error({ reason: error.message }, 'a delivery was not taken');
        return reply.code(503).send({ error: 'try again' });
      },
    );
    scope.post('/webhooks/mlflow', { bodyLimit: largest }, async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const delivery = verified(request.headers, body, props.secret, props.now());
      if (typeof delivery === 'string') return answer(reply, 401, 'unsigned', delivery);
      const told = parsed(body);
      if (told === undefined) return answer(reply, 400, 'malformed', "the body is no event of MLflow's");
      if (await deliveries.seen(delivery.id)) return answer(reply, 200, 'repeated', 'seen before');
      if (told.entity !== 'model_version_alias') return answer(reply, 200, 'ignored', 'no alias');
      const found = aliasData.safeParse(told.data);
      if (!found.success) return answer(reply, 400, 'malformed', 'the event names no alias of a model');
      const { name, alias, version } = found.data;
      if (alias !== props.alias) return answer(reply, 200, 'ignored', `only ${props.alias} counts`);
      const team = told.workspace;
      if (team === undefined || !props.teams.has(team))
        return answer(reply, 404, 'unknown', 'no such workspace');
      if ((await registry.model(team, name)) === undefined)
        return answer(reply, 404, 'unknown', 'no such model');
      if (!(await deliveries.take(delivery.id))) return answer(reply, 200, 'repeated', 'seen before');
      const set = told.action === 'created';
      const at = told.timestamp === undefined ? delivery.at : Date.parse(told.timestamp);
      props.changed({ team, model: name, version: set ? version : undefined, at });
      return answer(reply, 200, 'taken', 'taken');
    });
  });
};
