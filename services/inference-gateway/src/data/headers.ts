import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** RFC 9110, 7.6.1: these speak of one connection. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The caller's token is for the gateway; a predictor that got it could act as the caller. An answer must come as it is:
 * checks, copies and the log read it.
 */
const ours = new Set(['host', 'expect', 'authorization', 'cookie', 'accept-encoding', 'x-request-id']);

/** A predictor is untrusted code: it could lead a caller, who has the token, elsewhere or leave it a session. */
const never = new Set(['location', 'refresh', 'set-cookie', 'x-request-id']);

const traceparent = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-|$)/;

const endToEnd = (headers: Headers): [string, string | string[]][] => {
  const named = String(headers['connection'] ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase());
  return Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] =>
      entry[1] !== undefined && !hopByHop.has(entry[0]) && !named.includes(entry[0]),
  );
};

/** The caller's own id if it is fit for logs and headers, else a new one. */
export const requestIdOf = (given: string | string[] | undefined): string =>
  typeof given === 'string' && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : randomUUID();

/** What a predictor gets to see. Callers can't speak in the gateway's name: x-plinth-* is dropped. */
export const toPredictor = (
  headers: IncomingHttpHeaders,
  requestId: string,
  team: string,
): Record<string, string | string[]> => {
  const kept = endToEnd(headers).filter(([name]) => !ours.has(name) && !name.startsWith('x-plinth-'));
  const sent: Record<string, string | string[]> = Object.fromEntries(kept);
  // Without a valid traceparent a tracestate means nothing (W3C Trace Context, 3.3).
  if (!traceparent.test(String(sent['traceparent'] ?? ''))) {
    delete sent['traceparent'];
    delete sent['tracestate'];
  }
  sent['x-request-id'] = requestId;
  sent['x-plinth-team'] = team;
  return sent;
};

/** What the caller gets to see of a predictor's answer. */
export const toCaller = (headers: Headers): Record<string, string | string[]> =>
  Object.fromEntries(endToEnd(headers).filter(([name]) => !never.has(name) && !name.startsWith('x-plinth-')));
