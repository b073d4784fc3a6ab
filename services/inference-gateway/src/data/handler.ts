import type { IncomingMessage, RequestListener } from 'node:http';
import { AttemptFailed } from '../predict/attempt.ts';
import { LateBody, NoMemory, TooLarge } from './body.ts';
import type { DataContext } from './context.ts';
import { Exchange } from './exchange.ts';
import { requestIdOf } from './headers.ts';
import { serveModel } from './models.ts';
import { methodOf, parsePath } from './paths.ts';
import { Problem, sendJson, sendProblem } from './reply.ts';

/** Answers everything on the data port. */
export const dataHandler =
  (context: DataContext): RequestListener =>
  (request, response) => {
    const requestId = requestIdOf(request.headers['x-request-id']);
    response.setHeader('x-request-id', requestId);
    const exchange = new Exchange(request, response, requestId, context.metrics);
    serve(context, exchange).catch((error: unknown) => {
      if (exchange.gone.aborted || leftWhileSending(request)) return;
      const problem = problemOf(error);
      const { status } = problem;
      if (status >= 500) context.logger.warn({ requestId, status, cause: String(error) }, 'not answered');
      // What is left of the body is read and thrown away: a sender that can't finish wouldn't see the answer.
      request.resume();
      sendProblem(response, problem);
    });
  };

const leftWhileSending = (request: IncomingMessage): boolean => request.destroyed && !request.complete;

const serve = async (context: DataContext, exchange: Exchange): Promise<void> => {
  const { request, response } = exchange;
  if (request.url === '/openapi.json' && request.method === 'GET')
    return sendJson(response, 200, context.openapi);
  const target = parsePath(request.url ?? '');
  if (target === undefined) throw new Problem(404, 'see /openapi.json for what is here');
  const method = methodOf(target);
  if (request.method !== method) throw new Problem(405, `only ${method} is possible here`, { allow: method });
  switch (target.kind) {
    case 'server':
      return sendJson(response, 200, { name: 'plinth-inference-gateway', version: '0.1.0', extensions: [] });
    case 'live':
      return sendJson(response, 200, { live: true });
    case 'ready': {
      const ready = context.unready() === undefined;
      return sendJson(response, ready ? 200 : 503, { ready });
    }
    case 'model':
      return serveModel(context, exchange, target);
    default:
      return target satisfies never;
  }
};

const problemOf = (error: unknown): Problem => {
  if (error instanceof Problem) return error;
  if (error instanceof TooLarge) return new Problem(413, `the body has ${error.message}`);
  if (error instanceof LateBody) return new Problem(408, `the body ${error.message}`);
  if (error instanceof NoMemory) return new Problem(503, 'too many bodies at once', { 'retry-after': '1' });
  if (error instanceof AttemptFailed)
    return error.reason === 'timeout'
      ? new Problem(504, `${error.predictor.name} did not answer in ${error.predictor.timeoutMs} ms`)
      : new Problem(502, `${error.predictor.name} can't be reached`);
  return new Problem(500, 'the gateway failed');
};
