import type { FastifyInstance, FastifyRequest } from 'fastify';

/**
 * A page loads what the portal serves and nothing else, and its forms go to the portal, from where signing out leads on
 * to the issuer.
 */
export const headersOf = (issuer: string): Readonly<Record<string, string>> => ({
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    `form-action 'self' ${new URL(issuer).origin}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
});

export const secure = (app: FastifyInstance, issuer: string): void => {
  const headers = headersOf(issuer);
  app.addHook('onSend', async (_, reply) => {
    reply.headers(headers);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
};

/** Whether another site sent it: browsers say so, and a form of the portal comes from its own address. */
export const isForeign = ({ headers }: Pick<FastifyRequest, 'headers'>, ownUrl: string): boolean => {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return true;
  return origin !== undefined && origin !== new URL(ownUrl).origin;
};
