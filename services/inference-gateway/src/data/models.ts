import type { Outgoing } from '../predict/attempt.ts';
import { ask, infer, type Served } from '../predict/infer.ts';
import { comparedBytes } from '../predict/mirror.ts';
import type { Predictor, Route } from '../routing/router.ts';
import { admit } from './admission.ts';
import { Capture, collect, Streamed, TooLarge } from './body.ts';
import type { DataContext } from './context.ts';
import type { Exchange } from './exchange.ts';
import { toPredictor } from './headers.ts';
import type { Target } from './paths.ts';
import { Problem } from './reply.ts';

type ModelTarget = Extract<Target, { kind: 'model' }>;

/** Bodies up to this are kept until they are answered, so that a lost connection can be tried again. */
const retriedBytes = 256 * 1024;

/**
 * A body over this is not logged: parsing it to redact it would hold up predictions for milliseconds. Nor is it checked for
 * outliers: checks at work have bodies of at most so much in memory.
 */
const loggedBytes = 128 * 1024;

/** Answers for one model, to a caller of its team. */
export const serveModel = async (
  context: DataContext,
  exchange: Exchange,
  target: ModelTarget,
): Promise<void> => {
  const { authorization } = exchange.request.headers;
  const route = await admit(authorization, target.model, context);
  exchange.team = route.config.team;
  exchange.model = route.model;
  const pinned = pinnedTo(route, target.version);
  route.hold();
  try {
    if (target.action === 'infer') await predict(context, exchange, route, pinned);
    else {
      const suffix = target.action === 'ready' ? '/ready' : '';
      const outgoing = outgoingOf(exchange, route, 'GET', suffix, undefined);
      await exchange.send(await ask(pinned ?? route.stable, outgoing, exchange.gone, context.metrics));
    }
  } finally {
    route.release();
  }
};

const pinnedTo = (route: Route, version: string | undefined): Predictor | undefined => {
  if (version === undefined) return undefined;
  const found = route.predictors.find((one) => one.version === version);
  if (found === undefined) throw new Problem(404, `no version ${version} of model ${route.model}`);
  return found;
};

const noTurn = (message: string): Problem => new Problem(503, message, { 'retry-after': '1' });

const inTurn = async (route: Route, exchange: Exchange, work: () => Promise<void>): Promise<void> => {
  const turn = await route.limiter.enter(route.config.timeoutMs, exchange.gone);
  if (typeof turn === 'string')
    throw noTurn(turn === 'full' ? 'too many requests wait' : 'waited too long for a turn');
  try {
    await work();
  } finally {
    turn();
  }
};

const predict = async (
  context: DataContext,
  exchange: Exchange,
  route: Route,
  pinned: Predictor | undefined,
): Promise<void> => {
  if (route.limiter.full) throw noTurn('too many requests wait');
  const chosen = pinned ?? route.choose();
  // A pinned request is somebody's check of one version; it is neither traffic to copy nor to learn from.
  const logged = pinned === undefined && context.log !== undefined && route.sampler.next();
  const mirrored = pinned === undefined && route.mirrors.length > 0;
  const checked = pinned === undefined && route.checked.next();
  const candidate = pinned === undefined && chosen !== route.stable;
  // Before its turn: a caller that sends slowly must not hold a place of the model.
  const body = await bodyOf(exchange, route, logged || mirrored || checked || candidate, context);
  try {
    await inTurn(route, exchange, async () => {
      const outgoing = outgoingOf(exchange, route, 'POST', '/infer', body);
      const served = candidate
        ? await infer(route, chosen, outgoing, exchange.gone, context)
        : await ask(chosen, outgoing, exchange.gone, context.metrics);
      const capture = logged || mirrored ? new Capture(comparedBytes) : undefined;
      await exchange.send(served, capture);
      if (mirrored && served.status < 300 && Buffer.isBuffer(body))
        context.mirror.copy(route, { ...outgoing, body }, capture?.body);
      if (checked && served.status < 300 && Buffer.isBuffer(body) && body.length <= loggedBytes)
        context.outliers.check(route, served.predictor, { ...outgoing, body });
      if (logged) log(context, exchange, route, served, body, capture?.body);
    });
  } finally {
    if (Buffer.isBuffer(body)) context.budget.of(route.config.team).give(body.length);
  }
};

/** A buffer where the body is needed more than once or is small; else as it streams in, never held. */
const bodyOf = async (
  { request }: Exchange,
  { config }: Route,
  needed: boolean,
  { maxRequestBytes, budget }: DataContext,
): Promise<Buffer | Streamed> => {
  const length = Number(request.headers['content-length'] ?? Number.NaN);
  if (length > maxRequestBytes) throw new TooLarge(`more than ${maxRequestBytes} bytes`);
  return needed || length <= retriedBytes
    ? collect(request, maxRequestBytes, budget.of(config.team))
    : new Streamed(request, maxRequestBytes);
};

const outgoingOf = (
  { request, requestId }: Exchange,
  route: Route,
  method: 'GET' | 'POST',
  suffix: string,
  body: Outgoing['body'],
): Outgoing => {
  const headers = toPredictor(request.headers, requestId, route.config.team);
  if (body === undefined) delete headers['content-length'];
  return { model: route.model, method, suffix, headers, body };
};

const kept = (body: Buffer | undefined): Buffer | undefined =>
  body !== undefined && body.length <= loggedBytes ? body : undefined;

const log = (
  context: DataContext,
  exchange: Exchange,
  route: Route,
  { predictor, fallbackFrom, status }: Served,
  request: Outgoing['body'],
  response: Buffer | undefined,
): void =>
  context.log?.add({
    requestId: exchange.requestId,
    time: new Date(),
    team: route.config.team,
    model: route.model,
    version: predictor.version,
    predictor: predictor.name,
    fallbackFrom: fallbackFrom?.name,
    status,
    milliseconds: exchange.seconds * 1000,
    request: Buffer.isBuffer(request) ? kept(request) : undefined,
    response: kept(response),
    redact: route.redact,
  });
