import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { desired, settled } from '../domain/desired.ts';
import { byAlias, type ModelRow, type RolloutRow, type Store } from '../store/store.ts';
import { type Caller, Refused, type Tokens } from './tokens.ts';

export interface ApiProps {
  readonly store: Store;
  readonly tokens: Pick<Tokens, 'caller'>;
  readonly adminGroup: string;
  readonly openapi: object;
  /** There is something to do about this model. */
  readonly wake: (model: string) => void;
}

const described = (rollout: RolloutRow) => ({
  id: rollout.id,
  version: rollout.version,
  runId: rollout.runId,
  requestedBy: rollout.requestedBy,
  stable: rollout.stable,
  steps: rollout.steps,
  phase: rollout.phase,
  step: rollout.step,
  since: rollout.since === null ? null : new Date(rollout.since).toISOString(),
  outcome: rollout.outcome,
  reason: rollout.reason ?? rollout.stopReason,
  createdAt: rollout.createdAt.toISOString(),
  finishedAt: rollout.finishedAt?.toISOString() ?? null,
});

const modelOf = (row: ModelRow, rollout: RolloutRow | undefined) => ({
  name: row.name,
  team: row.team,
  serving: row.serving,
  traffic: (rollout === undefined ? settled(row.serving) : desired(rollout)).route?.versions ?? [],
  rollout: rollout === undefined ? null : described(rollout),
});

const rollbackBody = z
  .strictObject({
    reason: z.string().min(1).max(500).optional(),
    version: z.string().min(1).max(20).optional(),
  })
  .nullish();
const approveBody = z.strictObject({ version: z.string().min(1).max(20).optional() }).nullish();

type Named = { readonly name: string };

/** What people and programs of a team ask and decide; the document at /openapi.json describes it. */
export const api = (app: FastifyInstance, props: ApiProps): void => {
  const { store, wake } = props;
  const fail = (reply: FastifyReply, status: number, error: string) => reply.code(status).send({ error });
  const may = ({ groups }: Caller, team: string): boolean => groups.has(team) || groups.has(props.adminGroup);

  /** The model, if the caller's team has it; another team's isn't told from none. */
  const owned = async (
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<{ readonly caller: Caller; readonly row: ModelRow } | undefined> => {
    const caller = await props.tokens.caller(request.headers.authorization);
    const { name } = request.params as Named;
    const row = await store.model(name);
    if (row !== undefined && may(caller, row.team)) return { caller, row };
    await fail(reply, 404, `none of your teams has a model ${name}`);
    return undefined;
  };

  app.setErrorHandler((error: { readonly statusCode?: number; readonly message: string }, request, reply) => {
    if (error instanceof Refused)
      return reply.code(401).header('www-authenticate', 'Bearer').send({ error: error.message });
    if (error instanceof z.ZodError)
      return fail(
        reply,
        400,
        error.issues.map((each) => `${each.path.join('.')}: ${each.message}`).join('; '),
      );
    if (error.statusCode !== undefined && error.statusCode < 500)
      return fail(reply, error.statusCode, error.message);
    request.log.error({ reason: error.message }, 'failed');
    return fail(reply, 503, 'something that is needed does not answer; try again');
  });

  app.get('/openapi.json', () => props.openapi);
  app.get('/healthz', () => ({ status: 'ok' }));

  app.get('/models', async (request) => {
    const caller = await props.tokens.caller(request.headers.authorization);
    const rows = (await store.models()).filter(({ team }) => may(caller, team));
    const models = [];
    for (const row of rows) models.push(modelOf(row, await store.active(row.name)));
    return { models };
  });

  app.get('/models/:name/rollouts', async (request, reply) => {
    const found = await owned(request, reply);
    if (found === undefined) return reply;
    const { row } = found;
    const [rollouts, audit] = await Promise.all([store.history.rollouts(row), store.history.audit(row)]);
    return {
      model: modelOf(row, await store.active(row.name)),
      rollouts: rollouts.map(described),
      audit,
    };
  });

  app.post('/models/:name/rollback', async (request, reply) => {
    const found = await owned(request, reply);
    if (found === undefined) return reply;
    const { caller, row } = found;
    const given = rollbackBody.parse(request.body);
    const active = await store.active(row.name);
    // Whoever asks twice wants it once: this is what the first one began.
    if (active !== undefined && active.requestedBy !== byAlias)
      return reply.code(202).send({ status: `version ${active.version} comes back` });
    const unwanted = active?.version ?? row.serving;
    if (given?.version !== undefined && given.version !== unwanted)
      return fail(reply, 409, `version ${given.version} is neither on its way nor serves`);
    const reason = `${caller.name}: ${given?.reason ?? 'rolled back by hand'}`;
    if (await store.stop(row.name, reason, caller.name)) {
      wake(row.name);
      return reply.code(202).send({ status: 'the rollout is rolled back' });
    }
    const before = row.serving === null ? undefined : await store.history.servedBefore(row, row.serving);
    if (before === undefined) return fail(reply, 409, 'no version served before this one');
    const begun = await store.begin({
      ...{ team: row.team, model: row.name, version: before, runId: null, source: null },
      ...{ requestedBy: reason, steps: [], byAlias: false },
    });
    if (begun === undefined) return fail(reply, 409, 'a rollout is ending; try again when it has');
    wake(row.name);
    return reply.code(202).send({ status: `version ${before} comes back` });
  });

  app.post('/models/:name/approve', async (request, reply) => {
    const found = await owned(request, reply);
    if (found === undefined) return reply;
    const { caller, row } = found;
    const wanted = approveBody.parse(request.body)?.version;
    const rollout = await store.active(row.name);
    if (rollout === undefined || rollout.phase !== 'step' || rollout.steps[rollout.step]?.kind !== 'approval')
      return fail(reply, 409, 'nothing waits for approval');
    if (wanted !== undefined && wanted !== rollout.version)
      return fail(reply, 409, `version ${rollout.version} waits for approval, not ${wanted}`);
    if (!(await store.approve(rollout, caller.name))) return fail(reply, 409, 'nothing waits for approval');
    wake(row.name);
    return reply.code(202).send({ status: `version ${rollout.version} goes on` });
  });
};
