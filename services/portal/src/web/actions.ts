import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readCookies } from '../session/cookies.ts';
import { Unanswered } from '../upstreams/client.ts';
import { Gone } from '../upstreams/cluster.ts';
import type { Message } from '../view/page.ts';
import { type Context, redirect, refuse, tell, type Visitor, visitorOf } from './context.ts';
import { isForeign } from './security.ts';

type Form = Readonly<Record<string, string>>;
type Params = Readonly<Record<string, string>>;

/** Somebody asks for what isn't theirs. */
class NotTheirs extends Error {}

interface Asked {
  readonly visitor: Visitor;
  readonly params: Params;
  readonly form: Form;
}
type Act = (asked: Asked) => Promise<string>;

/** The buttons. Each says afterwards what was done, or why it wasn't; who may not press it gets 403. */
export const actions = (app: FastifyInstance, context: Context): void => {
  const { overviews, seal, upstreams, metrics, logger } = context;

  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 8 * 1024 },
    (_, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );

  /** Only a form of this person's own page gets through. */
  const authentic = async (request: FastifyRequest, reply: FastifyReply): Promise<Asked | undefined> => {
    const visitor = await visitorOf(context, request, reply);
    const form = (request.body ?? {}) as Form;
    if (visitor === undefined)
      return void refuse(context, reply, 'Sign in first, then press the button again.');
    if (isForeign(request, context.url) || !seal.isFormToken(visitor.session.id, form['token'] ?? ''))
      return void refuse(
        context,
        reply,
        'The form is too old. Open the page anew, then press the button again.',
        visitor,
      );
    return { visitor, form, params: request.params as Params };
  };

  const action = (name: string, path: string, act: Act): void => {
    app.post(path, async (request, reply) => {
      const asked = await authentic(request, reply);
      if (asked === undefined) return reply;
      const person = asked.visitor.session.person.name;
      const told = (result: 'done' | 'refused' | 'failed'): void => {
        metrics.actions.inc({ action: name, result });
        logger.info({ action: name, path: request.url, person, result }, 'asked for');
      };
      let message: Message;
      try {
        message = { tone: 'good', text: await act(asked) };
        told('done');
      } catch (error) {
        if (error instanceof NotTheirs) {
          told('refused');
          return refuse(context, reply, error.message, asked.visitor);
        }
        if (!(error instanceof Unanswered || error instanceof Gone)) throw error;
        told('failed');
        message = { tone: 'bad', text: `That wasn't done: ${error.message}.` };
      }
      return tell(context, reply, message);
    });
  };

  action('stop-notebook', '/notebooks/:person/:server/stop', async ({ visitor, params }) => {
    const { person = '', server = '' } = params;
    const name = visitor.session.person.name;
    if (person !== name) throw new NotTheirs(`Only ${person} may stop that notebook.`);
    if (upstreams.hub === undefined) throw new NotTheirs('This environment has no notebooks.');
    await upstreams.hub.stop(name, server === 'default' ? '' : server);
    for (const { namespace } of visitor.rights.own) overviews.changed(namespace);
    return `Notebook ${server} is stopping. Its files stay.`;
  });

  action('stop-spark', '/spark/:namespace/:name/stop', async ({ visitor, params }) => {
    const { namespace = '', name = '' } = params;
    const refusal = new NotTheirs(`${name} is no Spark session of yours.`);
    if (!visitor.rights.seesNamespace(namespace)) throw refusal;
    overviews.changed(namespace);
    const { items, notes } = await overviews.sparks(visitor.rights);
    const found = items.find((each) => each.namespace === namespace && each.name === name);
    if (found === undefined && notes.length > 0) throw new Unanswered(notes.join('; '));
    if (found?.person !== visitor.session.person.name) throw refusal;
    await upstreams.cluster.deletePod(namespace, name, found.uid);
    overviews.changed(namespace);
    return `Spark session ${name} is stopping, with its executors.`;
  });

  /** The model is one that the promoter, asked in the person's name, tells of, and one of their teams has. */
  const decide = async (decision: 'rollback' | 'approve', { visitor, params, form }: Asked) => {
    const { name = '' } = params;
    const { promoter } = upstreams;
    const refusal = new NotTheirs(`None of your teams has a model ${name}.`);
    if (promoter === undefined) throw refusal;
    const { session, rights } = visitor;
    const known = (await promoter.models(session.access)).find((each) => each.name === name);
    if (known === undefined || !rights.sees(known.team)) throw refusal;
    // What was decided about is on the page that was seen, whatever is under way by now.
    const { version } = form;
    if (version === undefined) throw new Unanswered('the form names no version; press the button again');
    const reason = decision === 'rollback' ? form['reason']?.trim().slice(0, 300) : undefined;
    await promoter.decide(session.access, name, decision, { version, ...(reason ? { reason } : {}) });
    return known;
  };

  action('roll-back', '/models/:name/rollback', async (asked) => {
    const { name, rollout } = await decide('rollback', asked);
    return rollout === null
      ? `Model ${name} goes back to the version that served before.`
      : `The rollout of version ${rollout.version} of model ${name} ends.`;
  });

  action('approve', '/models/:name/approve', async (asked) => {
    const { name, rollout } = await decide('approve', asked);
    return `Version ${rollout?.version} of model ${name} goes on.`;
  });

  app.post('/sign-out', async (request, reply) => {
    const asked = await authentic(request, reply);
    if (asked === undefined) return reply;
    return redirect(reply, await context.sessions.end(readCookies(request.headers.cookie)));
  });
};
