import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { Logger } from 'pino';
import { recordsApi } from './api/gateway.ts';
import { teamApi } from './api/teams.ts';
import type { Tokens } from './api/tokens.ts';
import { Watch } from './drift/watch.ts';
import type { Bucket } from './log/bucket.ts';
import { Writer } from './log/writer.ts';
import { Metrics } from './metrics.ts';
import type { Settings } from './settings.ts';
import type { Database } from './store/database.ts';
import { pending } from './store/migrate.ts';
import { backlog, forget } from './store/predictions.ts';

const openapi: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '../openapi.json'), 'utf8'));

export interface Parts {
  readonly database: Database;
  readonly bucket: Bucket;
  readonly tokens: Pick<Tokens, 'groups'>;
}

const hour = 3_600_000;

/** The whole service: three listeners, and the steps between them and the bucket. */
export class PredictionLog {
  readonly metrics = new Metrics();
  readonly writer: Writer;
  readonly watch: Watch;
  readonly teams: FastifyInstance;
  readonly records: FastifyInstance;
  readonly admin: FastifyInstance;
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #database: Database;
  readonly #bucket: Bucket;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  /** Bytes that wait for their file, labels' too, by team. */
  #waiting: ReadonlyMap<string, number> = new Map();
  #forgotten = 0;
  #ready = false;
  #stopped = false;

  constructor(settings: Settings, logger: Logger, { database, bucket, tokens }: Parts) {
    const { metrics } = this;
    const teams = new Set(Object.keys(settings.TEAM_BUCKETS));
    this.#settings = settings;
    this.#logger = logger;
    this.#database = database;
    this.#bucket = bucket;
    this.writer = new Writer(database, bucket, metrics, logger, {
      prefix: settings.KEY_PREFIX,
      rules: { rows: settings.FILE_ROWS, bytes: settings.FILE_BYTES, seconds: settings.FILE_SECONDS },
    });
    this.watch = new Watch(database, metrics, logger, {
      rows: settings.WINDOW_ROWS,
      staleMinutes: settings.STALE_MINUTES,
    });
    const loggerInstance: FastifyBaseLogger = logger;
    const logController = new LogController({ disableRequestLogging: true });
    const server = () => fastify({ loggerInstance, logController, forceCloseConnections: 'idle' });
    const full = (team: string): boolean => (this.#waiting.get(team) ?? 0) > settings.MAX_BACKLOG_BYTES;
    this.teams = server();
    teamApi(this.teams, {
      ...{ database, metrics, tokens, teams, openapi },
      replaced: (subject) => this.watch.forget(subject),
      full,
    });
    this.records = server();
    recordsApi(this.records, {
      ...{ database, metrics, teams, full },
      asked: (subjects) => this.watch.asked(subjects),
      maxBatchBytes: settings.MAX_BATCH_BYTES,
      maxBodyBytes: settings.MAX_BODY_BYTES,
    });
    this.admin = server();
    this.#administer();
  }

  async start(): Promise<void> {
    const { HOST: host, PORT, RECORDS_PORT, ADMIN_PORT, STEP_MS } = this.#settings;
    await this.admin.listen({ host, port: ADMIN_PORT });
    const missing = await pending(this.#database);
    if (missing.length > 0)
      throw new Error(`the database lacks ${missing.join(', ')}: run src/migrate.ts first`);
    await this.watch.resume();
    await this.teams.listen({ host, port: PORT });
    await this.records.listen({ host, port: RECORDS_PORT });
    this.#ready = true;
    const again = (): void => {
      this.#timer = setTimeout(() => {
        this.#running = this.step().finally(() => {
          if (!this.#stopped) again();
        });
      }, STEP_MS);
    };
    again();
    const ports = { http: portOf(this.teams), records: portOf(this.records), admin: portOf(this.admin) };
    this.#logger.info(ports, 'listening');
  }

  /** One round: files, windows, and once an hour what may be forgotten. Its failures are logged and counted. */
  async step(): Promise<void> {
    await this.#attempt('write', () => this.writer.step());
    await this.#attempt('watch', () => this.watch.count());
    await this.#attempt('watch', () => this.watch.step());
    await this.#attempt('write', async () => {
      const waiting = await backlog(this.#database);
      this.#waiting = new Map(waiting.map(({ team, octets }) => [team, octets]));
      this.metrics.waiting(Object.keys(this.#settings.TEAM_BUCKETS), waiting);
    });
    if (Date.now() - this.#forgotten < hour) return;
    this.#forgotten = Date.now();
    await this.#attempt('forget', () => forget(this.#database, this.#settings.RETENTION_DAYS));
  }

  /** Answers what it has begun. What isn't in a file is in the database, and the next process's. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const late = setTimeout(() => process.exit(1), this.#settings.SHUTDOWN_SECONDS * 1000).unref();
    await Promise.all([this.records.close(), this.teams.close()]);
    await this.#running;
    await this.admin.close();
    this.#bucket.close();
    await this.#database.close();
    clearTimeout(late);
  }

  #administer(): void {
    const { admin, metrics } = this;
    admin.get('/healthz', () => ({ status: 'ok' }));
    admin.get('/readyz', async (_, reply) => {
      if (!this.#ready || this.#stopped) return reply.code(503).send({ status: 'not yet, or no longer' });
      return { status: 'ok' };
    });
    admin.get('/openapi.json', () => openapi);
    admin.get('/metrics', async (_, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
    );
  }

  async #attempt(step: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.metrics.failures.inc({ step });
      this.#logger.error({ step, reason: String(error) }, 'a step failed; the next one tries again');
    }
  }
}

export const portOf = (app: FastifyInstance): number => (app.server.address() as AddressInfo).port;
