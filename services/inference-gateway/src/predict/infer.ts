import { type ByteBudget, collect, NoMemory, TooLarge } from '../data/body.ts';
import type { Metrics } from '../metrics.ts';
import type { Predictor, Route } from '../routing/router.ts';
import { isInference } from './answers.ts';
import { type Answer, AttemptFailed, attempt, type Outgoing } from './attempt.ts';

/** An answer ready for the caller. `body` is a buffer where it had to be checked first. */
export interface Served {
  readonly predictor: Predictor;
  readonly fallbackFrom: Predictor | undefined;
  readonly status: number;
  readonly headers: Answer['headers'];
  readonly body: Buffer | Answer['body'];
}

export interface InferContext {
  readonly metrics: Metrics;
  readonly budget: ByteBudget;
}

/** A candidate's answer over this counts as invalid: parsing it to check it would hold up predictions for longer. */
const checkedBytes = 4 * 1024 * 1024;

type Verdict = { readonly served: Served } | { readonly failing: string; readonly status?: number };

/**
 * Answers one request with a candidate. It gives the answer only if that is whole, in time, 2xx and well formed;
 * in every other case the stable predictor answers, so that callers see no failure of a candidate.
 */
export const infer = async (
  route: Route,
  candidate: Predictor,
  request: Outgoing,
  gone: AbortSignal,
  context: InferContext,
): Promise<Served> => {
  const { metrics } = context;
  const budget = context.budget.of(route.config.team);
  const verdict = await askCandidate(candidate, request, gone, { metrics, budget });
  if ('served' in verdict) return verdict.served;
  const served = await ask(route.stable, request, gone, metrics);
  const { failing, status } = verdict;
  // Both refuse it: then it is the request that is wrong, not the candidate.
  if (failing !== '4xx' || served.status !== status)
    metrics.fallbacks.inc({ model: route.model, version: candidate.version, reason: failing });
  return { ...served, fallbackFrom: candidate };
};

/**
 * Answers one request with what this predictor says. A connection that broke before an answer is worth a second
 * try: inference has no effects.
 */
export const ask = async (
  predictor: Predictor,
  request: Outgoing,
  gone: AbortSignal,
  metrics: Metrics,
): Promise<Served> => {
  const again = Buffer.isBuffer(request.body) || request.body === undefined;
  const answer = await attempt(predictor, request, gone, metrics).catch((error) => {
    if (!again || !(error instanceof AttemptFailed) || error.reason !== 'unreachable') throw error;
    metrics.retries.inc({ model: request.model });
    return attempt(predictor, request, gone, metrics);
  });
  return { ...answer, fallbackFrom: undefined };
};

const askCandidate = async (
  candidate: Predictor,
  request: Outgoing,
  gone: AbortSignal,
  { metrics, budget }: InferContext,
): Promise<Verdict> => {
  try {
    const answer = await attempt(candidate, request, gone, metrics);
    if (answer.status >= 300) {
      await answer.body.dump();
      return { failing: answer.status >= 500 ? '5xx' : '4xx', status: answer.status };
    }
    const body = await collect(answer.body, checkedBytes, budget).catch((error) => {
      answer.body.destroy();
      throw error;
    });
    // It is on its way to the caller: its bytes are the socket's from here on.
    budget.give(body.length);
    if (!isInference(answer.headers, body)) return { failing: 'invalid' };
    return { served: { ...answer, body, fallbackFrom: undefined } };
  } catch (error) {
    if (gone.aborted) throw new AttemptFailed('gone', candidate, error);
    if (error instanceof AttemptFailed) return { failing: error.reason };
    if (error instanceof TooLarge) return { failing: 'invalid' };
    // The gateway's own want: whoever judges the candidate leaves it out.
    if (error instanceof NoMemory) return { failing: 'memory' };
    // Its answer broke off; undici's abort by the time-out says so.
    const late = error instanceof Error && error.message === 'timed out';
    return { failing: late ? 'timeout' : 'unreachable' };
  }
};
