import type { RequestListener, ServerResponse } from 'node:http';
import type { Metrics } from './metrics.ts';

const send = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

/** Health and metrics. Ready is who has once had the realm as declared: a pause of Keycloak must not end the pod. */
export const adminHandler =
  (metrics: Metrics, unready: () => string | undefined): RequestListener =>
  (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return send(response, 405, { error: 'only GET is possible here' });
    switch (request.url?.split('?', 1)[0]) {
      case '/healthz':
        return send(response, 200, { status: 'ok' });
      case '/readyz': {
        const reason = unready();
        return send(response, reason === undefined ? 200 : 503, { status: reason ?? 'ok' });
      }
      case '/metrics':
        return void metrics.registry.metrics().then((text) => {
          response.writeHead(200, { 'content-type': metrics.registry.contentType });
          response.end(text);
        });
      default:
        return send(response, 404, { error: 'there are /healthz, /readyz, /metrics' });
    }
  };
