import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { Overviews } from './domain/overview.ts';
import { Metrics } from './metrics.ts';
import type { Platform } from './platform.ts';
import { Issuer } from './session/issuer.ts';
import { Seal } from './session/seal.ts';
import { Sessions } from './session/sessions.ts';
import type { Settings } from './settings.ts';
import { type Connected, connect } from './upstreams/all.ts';
import { Unanswered } from './upstreams/client.ts';
import { plainPage } from './view/page.ts';
import { actions } from './web/actions.ts';
import { pathsOf, readAssets, serveAssets } from './web/assets.ts';
import { type Context, frameOf, sendPage } from './web/context.ts';
import { pages } from './web/pages.ts';
import { secure } from './web/security.ts';
import { signIn } from './web/sign-in.ts';

export interface PortalProps {
  readonly settings: Settings;
  readonly platform: Platform;
  readonly logger: Logger;
}

/** The whole service and its two ports. It keeps nothing: sessions are in cookies, everything else is asked. */
export class Portal {
  readonly metrics = new Metrics();
  readonly #props: PortalProps;
  readonly #public: FastifyInstance;
  readonly #admin: FastifyInstance;
  #connected: Connected | undefined;
  #stopping = false;

  constructor(props: PortalProps) {
    this.#props = props;
    const loggerInstance = props.logger as FastifyBaseLogger;
    const logController = new LogController({ disableRequestLogging: true });
    this.#public = Fastify({ loggerInstance, logController, bodyLimit: 8 * 1024 });
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
    const { settings, platform, logger } = this.#props;
    this.#connected = await connect(settings, this.metrics);
    const { upstreams, issuer } = this.#connected;
    const assets = await readAssets();
    const openapi = JSON.parse(
      await readFile(join(import.meta.dirname, '../openapi.json'), 'utf8'),
    ) as object;
    const seal = new Seal(settings.SESSION_KEY);
    const context: Context = {
      platform,
      adminGroup: settings.ADMIN_GROUP,
      url: settings.PUBLIC_URL,
      seal,
      sessions: new Sessions(
        new Issuer({
          client: issuer,
          clientId: settings.OIDC_CLIENT_ID,
          clientSecret: settings.OIDC_CLIENT_SECRET,
          groupsClaim: settings.OIDC_GROUPS_CLAIM,
        }),
        seal,
        settings.PUBLIC_URL,
      ),
      upstreams,
      overviews: new Overviews(upstreams, platform),
      assets: pathsOf(assets),
      metrics: this.metrics,
      logger,
    };
    secure(this.#public, settings.OIDC_ISSUER);
    this.#failures(context);
    serveAssets(this.#public, assets);
    pages(this.#public, context);
    signIn(this.#public, context);
    actions(this.#public, context);
    this.#public.get('/openapi.json', () => openapi);
    this.#public.get('/healthz', () => ({ status: 'ok' }));
    this.#administration();
    await this.#admin.listen({ host: settings.HOST, port: settings.ADMIN_PORT });
    await this.#public.listen({ host: settings.HOST, port: settings.PORT });
  }

  /** Answers what was asked, and takes nothing new. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#public.close();
    this.#connected?.close();
    await this.#admin.close();
  }

  #failures(context: Context): void {
    this.#public.setErrorHandler(
      (error: { readonly statusCode?: number; readonly message: string }, request, reply) => {
        const frame = frameOf(context);
        if (error instanceof Unanswered)
          return sendPage(
            reply,
            503,
            plainPage(
              frame,
              'Signing in is not possible right now',
              `${error.message}. Try again in a minute.`,
            ),
          );
        if (error.statusCode !== undefined && error.statusCode < 500)
          return sendPage(
            reply,
            error.statusCode,
            plainPage(frame, 'That was not understood', error.message),
          );
        request.log.error({ reason: error.message }, 'failed');
        return sendPage(
          reply,
          500,
          plainPage(frame, 'That went wrong', 'The mistake is the portal’s; its log says more.'),
        );
      },
    );
    this.#public.setNotFoundHandler((_, reply) =>
      sendPage(reply, 404, plainPage(frameOf(context), 'There is no such page', 'The address may be old.')),
    );
  }

  #administration(): void {
    this.#admin.get('/healthz', () => ({ status: 'ok' }));
    this.#admin.get('/readyz', (_, reply) =>
      this.#stopping ? reply.code(503).send({ status: 'stopping' }) : reply.send({ status: 'ok' }),
    );
    this.#admin.get('/metrics', async (_, reply) => {
      const { registry } = this.metrics;
      return reply.header('content-type', registry.contentType).send(await registry.metrics());
    });
  }
}
