import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { Controller } from './control/controller.ts';
import type { Cluster, Meter, Registry } from './control/ports.ts';
import { Reconciler } from './control/reconcile.ts';
import { tellOutcomes } from './control/tell.ts';
import type { PolicyFile } from './domain/policy.ts';
import { Metrics } from './metrics.ts';
import { type RetrainParts, retrain } from './retrain/index.ts';
import type { Settings } from './settings.ts';
import type { Store } from './store/store.ts';
import { api } from './web/api.ts';
import type { Tokens } from './web/tokens.ts';
import { type AliasChange, webhook } from './web/webhook.ts';

export interface PromoterProps {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly policies: PolicyFile;
  readonly store: Store;
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
  readonly #controller: Controller;
  readonly #reconciler: Reconciler;
  readonly #public: FastifyInstance;
  readonly #admin: FastifyInstance;
  readonly #running = new Set<Promise<void>>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopping = false;
  #ready = false;

  constructor(props: PromoterProps) {
    this.#props = props;
    const { store, cluster, meter, policies, logger, registry } = props;
    const now = (): number => Date.now();
    this.#controller = new Controller({
      store,
      cluster,
      meter,
      policies,
      logger,
      metrics: this.metrics,
      now,
    });
    this.#reconciler = new Reconciler({ store, registry, policies, logger });
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
    const { settings, store, registry, tokens, policies, retraining } = this.#props;
    const openapi = JSON.parse(
      await readFile(join(import.meta.dirname, '../openapi.json'), 'utf8'),
    ) as object;
    const wake = (model: string): void => this.#soon(() => this.#tick(model));
    api(this.#public, { store, tokens, adminGroup: settings.ADMIN_GROUP, openapi, wake });
    webhook(this.#public, {
      ...{ store, registry, metrics: this.metrics, now: () => Date.now() },
      ...{ secret: settings.WEBHOOK_SECRET, alias: settings.ALIAS },
      teams: new Set(policies.teams.map(({ name }) => name)),
      changed: (change) => this.#soon(() => this.#changed(change)),
    });
    if (retraining !== undefined)
      retrain(this.#public, { ...this.#props, ...retraining, metrics: this.metrics.registry });
    this.#administration();
    await this.#admin.listen({ host: settings.HOST, port: settings.ADMIN_PORT });
    await this.#public.listen({ host: settings.HOST, port: settings.PORT });
    this.#every(settings.RECONCILE_SECONDS, () => this.reconcile());
    this.#every(settings.TICK_SECONDS, () => this.#tickBusy());
  }

  /** Takes nothing new, ends what it is at, and lets go of the database. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#public.close();
    await Promise.allSettled([...this.#running]);
    await this.#admin.close();
    await this.#props.retraining?.store.close();
    await this.#props.store.close();
  }

  /** One look at the whole registry, and at everything that is served. */
  async reconcile(): Promise<void> {
    const { store, registry, policies, logger } = this.#props;
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
    for (const { name } of policies.teams) {
      await attempt(`webhook of ${name}`, () => registry.subscribe(name));
      await attempt(`models of ${name}`, () => this.#reconciler.team(name));
    }
    await attempt('models', async () => {
      for (const { name } of await store.models()) await this.#tick(name);
    });
    await attempt('outcomes', () => tellOutcomes(store, registry));
    await attempt('deliveries', () => store.forgetDeliveries());
    timed();
    this.metrics.reconciliations.inc({ result: failed ? 'failure' : 'success' });
    if (!failed) this.metrics.lastSuccess.setToCurrentTime();
  }

  async #tickBusy(): Promise<void> {
    const busy = await this.#props.store.busy();
    this.metrics.active.set(busy.length);
    this.#ready = true;
    for (const model of busy) await this.#tick(model);
    await tellOutcomes(this.#props.store, this.#props.registry);
  }

  async #tick(model: string): Promise<void> {
    if (this.#stopping) return;
    try {
      await this.#controller.tick(model);
    } catch (error) {
      this.metrics.failures.inc({ model });
      this.#props.logger.error({ model, reason: messageOf(error) }, 'failed; tried again');
    }
  }

  async #changed({ team, model, version, at }: AliasChange): Promise<void> {
    if (version !== undefined) await this.#reconciler.again(model, version, at);
    const found = await this.#props.registry.model(team, model);
    if (found === undefined) return;
    await this.#reconciler.model(team, found);
    await this.#tick(model);
  }

  #administration(): void {
    const { store } = this.#props;
    this.#admin.get('/healthz', () => ({ status: 'ok' }));
    this.#admin.get('/readyz', async (_, reply) => {
      if (this.#stopping) return reply.code(503).send({ status: 'stopping' });
      if (!this.#ready) return reply.code(503).send({ status: 'the database has not answered yet' });
      await store.ping();
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
