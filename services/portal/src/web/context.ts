import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Overviews, Upstreams } from '../domain/overview.ts';
import type { Metrics } from '../metrics.ts';
import type { Platform } from '../platform.ts';
import { cookie, expired, names, readCookies } from '../session/cookies.ts';
import { Rights } from '../session/person.ts';
import type { Seal } from '../session/seal.ts';
import type { Redirect, Session, Sessions } from '../session/sessions.ts';
import { type Frame, type Message, plainPage } from '../view/page.ts';
import type { AssetPaths } from './assets.ts';

/** What every route works with. */
export interface Context {
  readonly platform: Platform;
  readonly adminGroup: string;
  /** The portal's own address. */
  readonly url: string;
  readonly sessions: Sessions;
  readonly seal: Seal;
  readonly upstreams: Upstreams;
  readonly overviews: Overviews;
  readonly assets: AssetPaths;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Somebody who is signed in and may be here. */
export interface Visitor {
  readonly session: Session;
  readonly rights: Rights;
}

const cookiesOf = ({ headers }: FastifyRequest) => readCookies(headers.cookie);

const setCookies = (reply: FastifyReply, cookies: readonly string[]): void => {
  for (const each of cookies) reply.header('set-cookie', each);
};

export const redirect = (reply: FastifyReply, { to, cookies }: Redirect): FastifyReply => {
  setCookies(reply, cookies);
  return reply.redirect(to, 303);
};

export const frameOf = (context: Context, visitor?: Visitor): Frame => ({
  name: context.platform.name,
  assets: context.assets,
  ...(visitor === undefined
    ? {}
    : {
        who: { rights: visitor.rights, token: { value: context.seal.formToken(visitor.session.id) } },
      }),
});

export const sendPage = (reply: FastifyReply, status: number, page: string): FastifyReply =>
  reply.code(status).header('content-type', 'text/html; charset=utf-8').send(page);

/** Who asks; undefined: nobody is signed in. Throws `Unanswered` while the issuer can't be asked. */
export const visitorOf = async (
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Visitor | undefined> => {
  const found = await context.sessions.current(cookiesOf(request));
  if (found === undefined) return undefined;
  if (found.cookie !== undefined) setCookies(reply, [found.cookie]);
  const { session } = found;
  return { session, rights: new Rights(session.person, context.platform, context.adminGroup) };
};

/** A page that says why somebody may not do something. */
export const refuse = (
  context: Context,
  reply: FastifyReply,
  text: string,
  visitor?: Visitor,
): FastifyReply => sendPage(reply, 403, plainPage(frameOf(context, visitor), "That isn't yours to do", text));

const messageSeconds = 60;

/** Back to the page, which says it once. */
export const tell = async (
  context: Context,
  reply: FastifyReply,
  message: Message,
): Promise<FastifyReply> => {
  const sealed = await context.seal.close('message', { ...message }, messageSeconds);
  return redirect(reply, { to: '/', cookies: [cookie(names.message, sealed, messageSeconds)] });
};

/** What a button before has left to say; it is said once. */
export const messageOf = async (
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Message | undefined> => {
  const sealed = cookiesOf(request)[names.message];
  if (sealed === undefined) return undefined;
  setCookies(reply, [expired(names.message)]);
  const found = await context.seal.open('message', sealed);
  if (found === undefined) return undefined;
  return { tone: found['tone'] === 'bad' ? 'bad' : 'good', text: String(found['text']) };
};
