import type { FastifyInstance } from 'fastify';
import { readCookies } from '../session/cookies.ts';
import { Refused } from '../session/issuer.ts';
import { plainPage } from '../view/page.ts';
import { type Context, frameOf, redirect, sendPage } from './context.ts';

/** Where the issuer sends browsers back to. */
export const signIn = (app: FastifyInstance, context: Context): void => {
  app.get('/sign-in/callback', async (request, reply) => {
    const query = request.query as Readonly<Record<string, unknown>>;
    try {
      return redirect(reply, await context.sessions.finish(query, readCookies(request.headers.cookie)));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      context.metrics.signIns.inc({ result: 'refused' });
      return sendPage(reply, 403, plainPage(frameOf(context), 'You are not signed in', `${error.message}.`));
    }
  });
};
