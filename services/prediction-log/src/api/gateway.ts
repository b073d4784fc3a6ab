import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics.ts';
import type { Database } from '../store/database.ts';
import { insertPredictions, type PredictionRow } from '../store/predictions.ts';
import { batch, rowOf } from './records.ts';

export interface RecordsApi {
  readonly database: Database;
  readonly metrics: Metrics;
  readonly teams: ReadonlySet<string>;
  /** True while no more may wait for its file. */
  readonly full: () => boolean;
  readonly maxBatchBytes: number;
  readonly maxBodyBytes: number;
}

/**
 * Where the inference gateway hands over batches. What was answered with 2xx is kept, whatever happens next. 503 says
 * to come again: too many bytes are at work, or too many wait for their file.
 */
export const recordsApi = (app: FastifyInstance, api: RecordsApi): void => {
  const { metrics } = api;
  let atWork = 0;

  app.addHook('onRequest', async (request, reply) => {
    // An unknown length counts as the most there may be.
    const bytes = Number(request.headers['content-length'] ?? api.maxBatchBytes);
    const reason = api.full()
      ? 'backlog'
      : atWork > 0 && atWork + bytes > api.maxBatchBytes
        ? 'busy'
        : undefined;
    if (reason !== undefined) {
      metrics.refused.inc({ reason });
      return reply
        .code(503)
        .header('retry-after', '2')
        .send({ error: `not now: ${reason}` });
    }
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
    for (const each of given) {
      const row = rowOf(each, api.maxBodyBytes);
      const reason = row === undefined ? 'malformed' : api.teams.has(row.team) ? undefined : 'team';
      if (reason !== undefined) metrics.refused.inc({ reason });
      else if (row !== undefined) rows.push(row);
    }
    const taken = await insertPredictions(api.database, rows);
    for (const { team, model, version } of taken) metrics.records.inc({ team, model, version });
    metrics.duplicates.inc(rows.length - taken.length);
    return { taken: taken.length, known: rows.length - taken.length, refused: given.length - rows.length };
  });
};
