import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { Controller } from './control/controller.ts';
import type { Cluster, Meter, Registry } from './control/ports.ts';
import { Reconciler } from './control/reconcile.ts';
import { Outcomes } from './control/tell.ts';
import type { PolicyFile } from './domain/policy.ts';
import { Metrics } from './metrics.ts';
import { type RetrainParts, retrain } from './retrain/index.ts';
import type { Settings } from './settings.ts';
import type { Database } from './store/database.ts';
import { Store } from './store/store.ts';
import { api } from './web/api.ts';
import type { Tokens } from './web/tokens.ts';
import { type AliasChange, webhook } from './web/webhook.ts';

export interface PromoterProps {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly policies: PolicyFile;
  /** Closed by `stop`. */
  readonly database: Database;
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly meter: Meter;
  readonly tokens: Pick<Tokens, 'caller'>;
  /** Unset: alerts cause nothing. */
  readonly retraining?: RetrainParts;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * The whole service: its two ports, a look at the registry in every interval, and a shorter beat for rollouts under
 * way. One thing at a time per model, whoever asks for it.
 */
export class Promoter {
  readonly metrics = new Metrics();
  readonly #props: PromoterProps;
  readonly #store: Store;
  readonly #controller: Controller;
  readonly #reconciler: Reconciler;
  readonly #outcomes: Outcomes;
  readonly #public: FastifyInstance;
  readonly #admin: FastifyInstance;
  readonly #running = new Set<Promise<void>>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopping = false;
  #ready = false;

  constructor(props: PromoterProps) {
    this.#props = props;
    const { database, cluster, meter, policies, logger, registry } = props;
    const store = new Store(database);
    this.#store = store;
    const now = (): number => Date.now();
    this.#controller = new Controller({
      store,
      cluster,
      meter,
      policies,
      logger,
      now,
    });
    this.#reconciler = new Reconciler({ store, registry, policies, logger });
    this.#outcomes = new Outcomes(store, registry, now);
    const loggerInstance = logger as FastifyBaseLogger;
    // Decisions are logged; who asked what is the audit's.
    const logController = new LogController({ disableRequestLogging: true });
    this.#public = Fastify({ loggerInstance, logController, bodyLimit: 16 * 1024 });
    this.#admin = Fastify({ loggerInstance, logController });
  }

  get ports(): { readonly http: number; readonly admin: number } {
    const of = (app: FastifyInstance): number => {
      const address = app.server.address();
      return typeof address === 'object' && address !== null ? address.port : 0;
    };
    return { http: of(this.#public), admin: of(this.#admin) };
  }

  async start(): Promise<void> {
    const { settings, registry, tokens, policies, retraining } = this.#props;
    const store = this.#store;
    const openapi = JSON.parse(
      await readFile(join(import.meta.dirname, '../openapi.json'), 'utf8'),
    ) as object;
    const wake = (model: string): void =>
      this.#soon(async () => {
        await this.#tick(model);
      });
    api(this.#public, { store, tokens, adminGroup: settings.ADMIN_GROUP, openapi, wake });
    webhook(this.#public, {
      ...{ deliveries: store.deliveries, registry, metrics: this.metrics, now: () => Date.now() },
      ...{ secret: settings.WEBHOOK_SECRET, alias: settings.ALIAS },
      teams: new Set(policies.teams.map(({ name }) => name)),
      changed: (change) => this.#soon(() => this.#changed(change)),
    });
    if (retraining !== undefined)
      retrain(this.#public, {
        ...{ ...this.#props, ...retraining, metrics: this.metrics.registry },
        serving: (team, model) => store.inUse(team, model),
      });
    this.#administration();
    await this.#admin.listen({ host: settings.HOST, port: settings.ADMIN_PORT });
    await this.#public.listen({ host: settings.HOST, port: settings.PORT });
    this.#every(settings.RECONCILE_SECONDS, () => this.reconcile());
    this.#every(settings.TICK_SECONDS, () => this.#tickBusy());
    this.#every(settings.TICK_SECONDS, () => this.#tell());
  }

  /** Takes nothing new, ends what it is at, and lets go of the database. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#public.close();
    await Promise.allSettled([...this.#running]);
    await this.#admin.close();
    await this.#props.database.close();
  }

  /** One look at the whole registry, and at everything that is served. */
  async reconcile(): Promise<void> {
    const { registry, policies, logger } = this.#props;
    const store = this.#store;
    const timed = this.metrics.reconcileSeconds.startTimer();
    let failed = false;
    const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
      if (this.#stopping) return;
      try {
        await work();
      } catch (error) {
        failed = true;
        logger.error({ what, reason: messageOf(error) }, 'failed; tried again in the next interval');
      }
    };
    await Promise.all(
      policies.teams.map(async ({ name }) => {
        await attempt(`webhook of ${name}`, () => registry.subscribe(name));
        await attempt(`models of ${name}`, () => this.#reconciler.team(name));
      }),
    );
    await attempt('models', async () => {
      const found = await store.models();
      const done = await Promise.all(found.map(({ name }) => this.#tick(name)));
      if (done.includes(false)) failed = true;
    });
    await attempt('deliveries', () => store.deliveries.forget());
    timed();
    this.metrics.reconciliations.inc({ result: failed ? 'failure' : 'success' });
    if (!failed) this.metrics.lastSuccess.setToCurrentTime();
  }

  /** Every model for itself: one of which something doesn't answer holds up no other. */
  async #tickBusy(): Promise<void> {
    const store = this.#store;
    const busy = await store.busy();
    this.metrics.active.set(busy.length);
    this.metrics.counted(await store.history.outcomes());
    this.#ready = true;
    for (const model of busy)
      this.#soon(async () => {
        await this.#tick(model);
      });
  }

  async #tell(): Promise<void> {
    for (const error of await this.#outcomes.tell())
      this.#props.logger.warn({ reason: messageOf(error) }, 'an outcome is not in the registry yet');
  }

  /** Whether it went well, or somebody else is at it. */
  async #tick(model: string): Promise<boolean> {
    if (this.#stopping) return true;
    try {
      await this.#controller.tick(model);
      return true;
    } catch (error) {
      this.metrics.failures.inc({ model });
      this.#props.logger.error({ model, reason: messageOf(error) }, 'failed; tried again');
      return false;
    }
  }

  async #changed({ team, model, version, at }: AliasChange): Promise<void> {
    await this.#reconciler.look(team, model, version === undefined ? undefined : { version, at });
    await this.#tick(model);
  }

  #administration(): void {
    const { database } = this.#props;
    this.#admin.get('/healthz', () => ({ status: 'ok' }));
    this.#admin.get('/readyz', async (_, reply) => {
      if (this.#stopping) return reply.code(503).send({ status: 'stopping' });
      if (!this.#ready) return reply.code(503).send({ status: 'the database has not answered yet' });
      await database.ping();
      return { status: 'ok' };
    });
    this.#admin.get('/metrics', async (_, reply) => {
      const { registry } = this.metrics;
      return reply.header('content-type', registry.contentType).send(await registry.metrics());
    });
  }

  /** Now, beside everything else; its failure is told and costs an interval. */
  #soon(work: () => Promise<void>): void {
    if (this.#stopping) return;
    const running = work()
      .catch((error) => this.#props.logger.error({ reason: messageOf(error) }, 'failed; tried again'))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** At once, and then with so many seconds between the end of one and the start of the next. */
  #every(seconds: number, work: () => Promise<void>): void {
    const turn = (): void =>
      this.#soon(async () => {
        try {
          await work();
        } finally {
          if (!this.#stopping) {
            const timer = setTimeout(() => {
              this.#timers.delete(timer);
              turn();
            }, seconds * 1000);
            this.#timers.add(timer);
          }
        }
      });
    turn();
  }
}
