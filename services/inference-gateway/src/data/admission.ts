import type { TokenRefusal } from '../auth/tokens.ts';
import type { Route } from '../routing/router.ts';
import type { DataContext } from './context.ts';
import { Problem } from './reply.ts';

const challenges: Readonly<Record<Exclude<TokenRefusal, 'unavailable'>, readonly [string, string]>> = {
  missing: ['Bearer realm="plinth"', "send the team's token: Authorization: Bearer ..."],
  expired: [
    'Bearer realm="plinth", error="invalid_token", error_description="expired"',
    'the token is expired',
  ],
  invalid: ['Bearer realm="plinth", error="invalid_token"', 'the token is not valid here'],
};

/** The route of a model for a caller who may use it; throws 401, 403, 404 or 503. */
export const admit = async (
  authorization: string | undefined,
  model: string,
  { tokens, router, metrics }: DataContext,
): Promise<Route> => {
  const caller = await tokens.caller(authorization);
  if (typeof caller === 'string') {
    metrics.refusedTokens.inc({ reason: caller });
    if (caller === 'unavailable')
      throw new Problem(503, 'the identity provider has not answered yet', { 'retry-after': '1' });
    const [challenge, message] = challenges[caller];
    throw new Problem(401, message, { 'www-authenticate': challenge });
  }
  const route = router.find(model, caller.teams);
  if (route === undefined) throw new Problem(404, `no model ${model}`);
  if (!caller.teams.has(route.config.team)) {
    metrics.refusedTokens.inc({ reason: 'team' });
    throw new Problem(403, `model ${model} is another team's`);
  }
  return route;
};
