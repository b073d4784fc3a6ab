import type { FastifyInstance } from 'fastify';
import { overviewContent } from '../view/overview.ts';
import { page, plainPage } from '../view/page.ts';
import { type Context, frameOf, messageOf, redirect, sendPage, visitorOf } from './context.ts';
import { chartsOf } from './series.ts';

/** What people look at. */
export const pages = (app: FastifyInstance, context: Context): void => {
  const { overviews, platform, seal, sessions, upstreams, metrics } = context;

  app.get('/', async (request, reply) => {
    const visitor = await visitorOf(context, request, reply);
    if (visitor === undefined) return redirect(reply, await sessions.begin('/'));
    const { rights, session } = visitor;
    const frame = frameOf(context, visitor);
    if (rights.none) {
      const teams = 'Ask a platform administrator to put you into one, then sign in again.';
      return sendPage(
        reply,
        403,
        plainPage(frame, 'You belong to no team', `Everything here belongs to a team. ${teams}`),
      );
    }
    const [overview, message] = await Promise.all([
      overviews.of(rights, session.access),
      messageOf(context, request, reply),
    ]);
    const timed = metrics.renderSeconds.startTimer();
    const content = overviewContent({
      platform,
      rights,
      overview,
      message,
      urls: { hub: upstreams.hub?.url, registry: upstreams.registry?.url },
      token: { value: seal.formToken(session.id) },
      now: Date.now(),
    });
    const text = page(frame, `${platform.name} · Plinth`, content, true);
    timed();
    return sendPage(reply, 200, text);
  });

  app.get('/series.json', async (request, reply) => {
    const visitor = await visitorOf(context, request, reply);
    if (visitor === undefined) return reply.code(401).send({ error: 'sign in first' });
    return chartsOf(overviews.seriesOf(visitor.rights), visitor.session.access, Date.now());
  });
};
