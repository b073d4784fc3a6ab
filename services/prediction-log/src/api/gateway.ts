import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Metrics } from '../metrics.ts';
import type { Database } from '../store/database.ts';
import { insertPredictions, type PredictionRow, type Subject } from '../store/predictions.ts';
import { batch, rowOf } from './records.ts';

export interface RecordsApi {
  readonly database: Database;
  readonly metrics: Metrics;
  readonly teams: ReadonlySet<string>;
  /** Told of the versions that predictions were taken of. */
  readonly asked: (subjects: readonly Subject[]) => void;
  /** True while no more of the team may wait for its file. */
  readonly full: (team: string) => boolean;
  readonly maxBatchBytes: number;
  readonly maxBodyBytes: number;
}

/**
 * Where the inference gateway hands over batches. What was answered with 2xx is kept, whatever happens next. 503 says
 * to come again: too many bytes are at work, or too many of the one team in the batch wait for their file.
 */
export const recordsApi = (app: FastifyInstance, api: RecordsApi): void => {
  const { metrics } = api;
  let atWork = 0;
  const notNow = (reply: FastifyReply, reason: string) => {
    metrics.refused.inc({ reason });
    return reply
      .code(503)
      .header('retry-after', '2')
      .send({ error: `not now: ${reason}` });
  };
  const refusal = ({ team }: PredictionRow): 'team' | 'backlog' | undefined =>
    api.teams.has(team) ? (api.full(team) ? 'backlog' : undefined) : 'team';

  app.addHook('onRequest', async (request, reply) => {
    // An unknown length counts as the most there may be.
    const bytes = Number(request.headers['content-length'] ?? api.maxBatchBytes);
    if (atWork > 0 && atWork + bytes > api.maxBatchBytes) return notNow(reply, 'busy');
    atWork += bytes;
    reply.raw.once('close', () => {
      atWork -= bytes;
    });
    return undefined;
  });

  app.post('/records', { bodyLimit: api.maxBatchBytes }, async (request, reply) => {
    const given = batch.safeParse(request.body).data?.records;
    if (given === undefined) {
      metrics.refused.inc({ reason: 'malformed' });
      return reply.code(400).send({ error: 'expected {"records": [...]}' });
    }
    const rows: PredictionRow[] = [];
    const refused: string[] = [];
    for (const each of given) {
      const row = rowOf(each, api.maxBodyBytes);
      const reason = row === undefined ? 'malformed' : refusal(row);
      if (reason !== undefined) refused.push(reason);
      else if (row !== undefined) rows.push(row);
    }
    // All of it may come again. A part of it can't: it would bring what was taken once more, each time.
    if (given.length > 0 && refused.filter((reason) => reason === 'backlog').length === given.length)
      return notNow(reply, 'backlog');
    for (const reason of refused) metrics.refused.inc({ reason });
    const taken = await insertPredictions(api.database, rows);
    for (const { team, model, version } of taken) metrics.records.inc({ team, model, version });
    api.asked(taken);
    metrics.duplicates.inc(rows.length - taken.length);
    return { taken: taken.length, known: rows.length - taken.length, refused: given.length - rows.length };
  });
};
