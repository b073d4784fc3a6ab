import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { adminHandler } from './admin.ts';
import { Issuer, type IssuerOptions } from './auth/issuer.ts';
import { Tokens } from './auth/tokens.ts';
import { ByteBudget } from './data/body.ts';
import { dataHandler } from './data/handler.ts';
import { PredictionLog } from './log/log.ts';
import { Metrics } from './metrics.ts';
import { Mirror } from './predict/mirror.ts';
import { Outliers } from './predict/outliers.ts';
import type { RoutesConfig } from './routing/config.ts';
import { Router } from './routing/router.ts';
import { Routes, type RoutesOptions } from './routing/routes.ts';
import { TeamRoutes } from './routing/teams.ts';
import type { Settings } from './settings.ts';

const openapi: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '../openapi.json'), 'utf8'));

/** The whole gateway: two listeners, and what they share. */
export class Gateway {
  readonly metrics = new Metrics();
  readonly router = new Router();
  readonly issuer: Issuer;
  readonly routes: Routes;
  readonly log: PredictionLog | undefined;
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #mirror: Mirror;
  readonly #outliers: Outliers;
  readonly #data: Server;
  readonly #admin: Server;
  readonly #teamRoutes: TeamRoutes;
  /** What the environment and the promoter say; undefined: nothing yet. */
  #platform: RoutesConfig | undefined;
  #stopped: Promise<void> | undefined;

  constructor(settings: Settings, logger: Logger, issuerOptions: Partial<IssuerOptions> = {}) {
    const { metrics, router } = this;
    this.#settings = settings;
    this.#logger = logger;
    this.#mirror = new Mirror(settings.MAX_MIRRORS, metrics);
    this.issuer = new Issuer({
      url: settings.OIDC_ISSUER,
      fetched: (result, reason) => {
        metrics.keyFetches.inc({ result });
        if (result === 'failed') logger.warn({ reason }, "the issuer's keys could not be fetched");
      },
      ...issuerOptions,
    });
    if (settings.LOG_SINK_URL !== undefined) this.log = new PredictionLog(logOptions(settings), metrics);
    this.#teamRoutes = this.#followTeams(settings);
    this.routes = this.#follow(settings);
    this.#outliers = new Outliers(settings.MAX_OUTLIER_CHECKS, router, metrics);
    const unready = () => this.unready;
    metrics.observe(router, {
      logBytes: () => this.log?.bytes ?? 0,
      refused: () => this.routes.refused,
      watched: () => this.routes.watched,
    });
    const tokens = new Tokens(this.issuer, {
      audience: settings.OIDC_AUDIENCE,
      groupsClaim: settings.OIDC_GROUPS_CLAIM,
      groupPrefix: settings.TEAM_GROUP_PREFIX,
      clockSkewSeconds: settings.CLOCK_SKEW_SECONDS,
    });
    this.#data = dataServer(
      dataHandler({
        tokens,
        router,
        metrics,
        mirror: this.#mirror,
        outliers: this.#outliers,
        budget: new ByteBudget(settings.MAX_BUFFERED_BYTES),
        maxRequestBytes: settings.MAX_REQUEST_BYTES,
        log: this.log,
        logger,
        unready,
        openapi,
      }),
    );
    this.#admin = createServer(adminHandler({ metrics, router, routes: this.routes, unready, openapi }));
  }

  /** Why no request should come yet, or no longer. */
  get unready(): string | undefined {
    if (this.#stopped !== undefined) return 'stopping';
    if (this.#platform === undefined || !this.#teamRoutes.heard) return 'no routes yet';
    if (!this.issuer.ready) return 'no keys of the issuer yet';
    return undefined;
  }

  get dataPort(): number {
    return (this.#data.address() as AddressInfo).port;
  }

  get adminPort(): number {
    return (this.#admin.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    const { HOST: host, PORT, ADMIN_PORT } = this.#settings;
    await Promise.all([listen(this.#admin, host, ADMIN_PORT), listen(this.#data, host, PORT)]);
    this.#teamRoutes.start();
    await Promise.all([this.routes.start(), this.issuer.start()]);
    this.#logger.info({ data: this.dataPort, admin: this.adminPort }, 'listening');
  }

  /** Takes no new connection, answers what it has, hands over the log; after the time limit it breaks off. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const limit = this.#settings.SHUTDOWN_SECONDS * 1000;
    const closed = once(this.#data, 'close');
    this.#data.close();
    // Connections that were busy at that moment stay open for their next request unless they are closed when idle.
    const sweep = setInterval(() => this.#data.closeIdleConnections(), 50);
    const force = setTimeout(() => this.#data.closeAllConnections(), limit * 0.7);
    await closed;
    clearTimeout(force);
    clearInterval(sweep);
    this.routes.close();
    this.#teamRoutes.close();
    this.issuer.stop();
    this.#mirror.stop();
    this.#outliers.stop();
    await this.log?.close(limit * 0.2);
    this.router.replace({ models: {} });
    this.#admin.close();
    this.#admin.closeAllConnections();
  }

  #replace(): void {
    if (this.#platform === undefined) return;
    const config = this.#teamRoutes.beside(this.#platform);
    this.router.replace(config);
    this.#logger.info({ models: Object.keys(config.models) }, 'routes are in force');
  }

  #followTeams(settings: Settings): TeamRoutes {
    const teams = settings.TEAM_ROUTES ?? {};
    const routes = new TeamRoutes({
      teams,
      name: settings.TEAM_ROUTES_CONFIG_MAP,
      api: settings.KUBERNETES_API,
      account: settings.SERVICE_ACCOUNT_FOLDER,
      changed: () => this.#replace(),
      refused: (team, reason) => this.#logger.warn({ team, reason }, "a team's route is refused"),
      watched: (team, problem) => {
        if (problem !== undefined) this.#logger.warn({ team, problem }, "a team's routes are not watched");
      },
    });
    this.metrics.observeTeams(Object.keys(teams), (team) => routes.refused(team));
    return routes;
  }

  #follow(settings: Settings): Routes {
    const options: RoutesOptions = {
      applied: (config) => {
        this.#platform = config;
        this.#replace();
        this.metrics.reloads.inc({ result: 'applied' });
      },
      refused: (reason) => {
        this.metrics.reloads.inc({ result: 'refused' });
        this.#logger.error({ reason }, 'routes refused; what was in force stays');
      },
      watched: (problem) => {
        if (problem === undefined) this.#logger.info('the routes are watched');
        else this.#logger.warn({ problem }, 'the routes are not watched; what was in force stays');
      },
    };
    return new Routes(settings, options);
  }
}

/**
 * Idle connections are kept longer than proxies keep theirs (Traefik: 90 s): the proxy closes first, so none sends
 * a request into a connection that is just being closed.
 */
const dataServer = (handler: RequestListener): Server =>
  createServer({ keepAliveTimeout: 95_000, requestTimeout: 120_000 }, handler);

const logOptions = (settings: Settings) => ({
  url: settings.LOG_SINK_URL ?? '',
  maxBytes: settings.LOG_MAX_BYTES,
  batchRecords: settings.LOG_BATCH_RECORDS,
  batchBytes: settings.LOG_BATCH_BYTES,
  intervalMs: settings.LOG_INTERVAL_MS,
});

const listen = async (server: Server, host: string, port: number): Promise<void> => {
  server.listen(port, host);
  await once(server, 'listening');
};
