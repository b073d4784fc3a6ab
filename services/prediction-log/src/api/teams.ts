import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { baseline } from '../drift/baseline.ts';
import type { Metrics } from '../metrics.ts';
import type { Database } from '../store/database.ts';
import { insertLabels, type Subject } from '../store/predictions.ts';
import { keepBaseline } from '../store/windows.ts';
import { Refused, type Tokens } from './tokens.ts';

export interface TeamApi {
  readonly database: Database;
  readonly metrics: Metrics;
  readonly tokens: Pick<Tokens, 'groups'>;
  readonly teams: ReadonlySet<string>;
  readonly openapi: unknown;
  /** Told of a version whose baseline is another one now. */
  readonly replaced: (subject: Subject) => void;
  /** True while no more of the team may wait for its file. */
  readonly full: (team: string) => boolean;
}

const name = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\0]*$/);
const value = z.union([
  z
    .string()
    .max(1000)
    .regex(/^[^\0]*$/),
  z.number(),
  z.boolean(),
  z.null(),
]);

const feedback = z.strictObject({
  team: name,
  model: name,
  labels: z
    .record(name, z.union([value, z.array(value).max(10_000)]))
    .refine((all) => Object.keys(all).length > 0 && Object.keys(all).length <= 1000, {
      error: 'expected 1 to 1000 of them',
    }),
});

const versionPath = z.strictObject({ team: name, model: name, version: name });

/** Not the caller's team, or none of ours. */
class Foreign extends Error {}

/** More of the team waits for its files than may. */
class Full extends Error {}

/** What people and programs of a team ask for; the document at /openapi.json describes it. */
export const teamApi = (app: FastifyInstance, api: TeamApi): void => {
  const admit = async (request: FastifyRequest, team: string): Promise<void> => {
    const groups = await api.tokens.groups(request.headers.authorization);
    if (!groups.has(team) || !api.teams.has(team)) throw new Foreign(`the token isn't team ${team}'s`);
  };

  app.setErrorHandler((error: { readonly statusCode?: number; readonly message: string }, request, reply) => {
    if (error instanceof Refused)
      return reply.code(401).header('www-authenticate', 'Bearer').send({ error: error.message });
    if (error instanceof Foreign) return reply.code(403).send({ error: error.message });
    if (error instanceof z.ZodError) {
      const mistakes = error.issues.map((each) => `${each.path.join('.')}: ${each.message}`);
      return reply.code(400).send({ error: mistakes.slice(0, 10).join('; ') });
    }
    if (error.statusCode !== undefined && error.statusCode < 500)
      return reply.code(error.statusCode).send({ error: error.message });
    if (error instanceof Full)
      return reply.code(503).header('retry-after', '2').send({ error: error.message });
    request.log.error({ reason: error.message }, 'failed');
    const busy = 'something that is needed does not answer; try again';
    return reply.code(503).header('retry-after', '2').send({ error: busy });
  });

  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/openapi.json', () => api.openapi);

  app.post('/feedback', async (request) => {
    // Before anything is read of it: a stranger learns nothing from how a body is refused.
    await api.tokens.groups(request.headers.authorization);
    const { team, model, labels } = feedback.parse(request.body);
    await admit(request, team);
    if (api.full(team)) throw new Full(`too much of team ${team} waits for its files; try again`);
    const rows = Object.entries(labels).map(([request_id, label]) => ({
      request_id,
      label: JSON.stringify(Array.isArray(label) ? label : [label]),
    }));
    const joined = await insertLabels(api.database, team, model, rows);
    // A model that nobody asked makes no series.
    if (joined > 0) api.metrics.labels.inc({ team, model }, joined);
    return { accepted: rows.length, joined };
  });

  app.put('/teams/:team/models/:model/versions/:version/baseline', async (request, reply) => {
    const subject = versionPath.parse(request.params);
    await admit(request, subject.team);
    const content = baseline.parse(request.body);
    if (await keepBaseline(api.database, subject, JSON.stringify(content))) api.replaced(subject);
    return reply.code(204).send();
  });
};
