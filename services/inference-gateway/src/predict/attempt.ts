import type { Dispatcher } from 'undici';
import { LateBody, Streamed, TooLarge } from '../data/body.ts';
import type { Metrics } from '../metrics.ts';
import type { Predictor } from '../routing/router.ts';

/** One request as a predictor gets it. Only a buffer can be sent twice. */
export interface Outgoing {
  readonly model: string;
  readonly method: 'GET' | 'POST';
  /** Behind the model's path, such as /infer. */
  readonly suffix: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: Buffer | Streamed | undefined;
}

export interface Answer {
  readonly predictor: Predictor;
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Dispatcher.ResponseData['body'];
}

export type Failing = 'timeout' | 'unreachable' | 'gone';

/** A predictor gave no answer, or the caller left before it came. */
export class AttemptFailed extends Error {
  readonly reason: Failing;
  readonly predictor: Predictor;

  constructor(reason: Failing, predictor: Predictor, cause: unknown) {
    super(`${predictor.name}: ${reason}${cause instanceof Error ? `: ${cause.message}` : ''}`, { cause });
    this.reason = reason;
    this.predictor = predictor;
  }
}

const resultOf = (status: number): string =>
  status >= 500 ? 'server_error' : status >= 400 ? 'client_error' : 'ok';

/**
 * Sends one request to one predictor. Its time-out covers the whole answer: the body ends with an error if it
 * isn't there in time. Resolves when the answer begins; throws AttemptFailed, or TooLarge or LateBody of a
 * streamed body, which are not the predictor's.
 */
export const attempt = async (
  predictor: Predictor,
  request: Outgoing,
  gone: AbortSignal,
  metrics: Metrics,
): Promise<Answer> => {
  const labels = { model: request.model, version: predictor.version };
  const begun = performance.now();
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(new Error('timed out')), predictor.timeoutMs);
  const leave = () => control.abort(new Error('the caller left'));
  gone.addEventListener('abort', leave);
  const over = () => {
    clearTimeout(timer);
    gone.removeEventListener('abort', leave);
  };
  try {
    if (gone.aborted) leave();
    const { statusCode, headers, body } = await predictor.pool.request({
      path: predictor.path + request.suffix,
      method: request.method,
      headers: request.headers,
      body: (request.body ?? null) as Buffer | null,
      signal: control.signal,
    });
    body.once('close', over);
    // Whoever reads the body sees its error; nobody may be reading when the time-out or the caller's leave ends it.
    body.on('error', () => {});
    metrics.attempts.inc({ ...labels, result: resultOf(statusCode) });
    metrics.attemptSeconds.observe(labels, (performance.now() - begun) / 1000);
    return { predictor, status: statusCode, headers, body };
  } catch (error) {
    over();
    if (error instanceof TooLarge) throw error;
    const reason = gone.aborted ? 'gone' : control.signal.aborted ? 'timeout' : 'unreachable';
    if (reason === 'timeout' && request.body instanceof Streamed && request.body.awaited)
      throw new LateBody(`did not arrive in ${predictor.timeoutMs} ms`, { cause: error });
    if (reason !== 'gone') {
      metrics.attempts.inc({ ...labels, result: reason });
      metrics.attemptSeconds.observe(labels, (performance.now() - begun) / 1000);
    }
    throw new AttemptFailed(reason, predictor, error);
  }
};
