import type { RequestListener } from 'node:http';
import { sendJson } from './data/reply.ts';
import type { Metrics } from './metrics.ts';
import type { Route, Router } from './routing/router.ts';
import type { Routes } from './routing/routes.ts';

export interface AdminContext {
  readonly metrics: Metrics;
  readonly router: Router;
  readonly routes: Routes;
  /** Undefined while requests may come; else why not. */
  readonly unready: () => string | undefined;
  readonly openapi: unknown;
}

const describe = (route: Route) => ({
  model: route.model,
  team: route.config.team,
  requests: route.requests,
  predictors: route.config.predictors.map(({ name, version, weight, mirror }) => ({
    name,
    version,
    weight,
    mirror,
    stable: name === route.config.stable,
  })),
});

/**
 * Answers on the port that only the cluster's own services reach: health, metrics, and the routes in force, with
 * those that still have requests (a predictor named in `draining` must not be deleted yet).
 */
export const adminHandler =
  ({ metrics, router, routes, unready, openapi }: AdminContext): RequestListener =>
  (request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return sendJson(response, 405, { error: 'only GET is possible here' }, { allow: 'GET, HEAD' });
    switch (path) {
      case '/healthz':
        return sendJson(response, 200, { status: 'ok' });
      case '/readyz': {
        const reason = unready();
        return reason === undefined
          ? sendJson(response, 200, { status: 'ok' })
          : sendJson(response, 503, { status: reason });
      }
      case '/metrics':
        return void metrics.registry.metrics().then((text) => {
          response.writeHead(200, { 'content-type': metrics.registry.contentType });
          response.end(text);
        });
      case '/routes':
        return sendJson(response, 200, {
          resourceVersion: routes.resourceVersion ?? null,
          refused: routes.refused,
          active: router.active.map(describe),
          draining: router.draining.map(describe),
        });
      case '/openapi.json':
        return sendJson(response, 200, openapi);
      default:
        return sendJson(response, 404, {
          error: 'there are /healthz, /readyz, /metrics, /routes, /openapi.json',
        });
    }
  };
