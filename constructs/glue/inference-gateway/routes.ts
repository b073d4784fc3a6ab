import type { ModelRoute, OutlierChecks } from '../../contracts/index.ts';

/** What one replica of the gateway lets through for a model; callers past both get 503 with Retry-After. */
export interface ModelLimits {
  /** Requests at work at a time. */
  readonly concurrent: number;
  /** Requests that wait for their turn. */
  readonly queued: number;
  /** How long a predictor may take. */
  readonly timeoutSeconds: number;
  /** Which of its predictions are logged, and the fields whose values never are; unset: none. */
  readonly log?: { readonly sample: number; readonly redact: readonly string[] } | undefined;
  /** A model of the same team that is asked which requests are outliers; unset: none is. */
  readonly outliers?: OutlierChecks | undefined;
}

/** Whoever gets most answers for the others when they fail; of equals, the one that is named first. */
const stableOf = ({ predictors }: ModelRoute): string =>
  predictors.reduce((best, each) => (each.weight > best.weight ? each : best)).name;

const modelOf = (route: ModelRoute, limits: ModelLimits | undefined): object => ({
  team: route.team,
  stable: stableOf(route),
  predictors: route.predictors.map(({ name, version, weight, endpoint }) => ({
    name,
    version,
    url: `http://${endpoint.host}:${endpoint.port}`,
    weight,
  })),
  ...(limits === undefined
    ? {}
    : {
        timeoutMs: limits.timeoutSeconds * 1000,
        maxConcurrent: limits.concurrent,
        maxQueued: limits.queued,
        log: limits.log,
        outliers: limits.outliers,
      }),
});

/** routes.json, as services/inference-gateway/README.md describes it. */
export const routesFile = (
  routes: readonly ModelRoute[],
  limits: Readonly<Record<string, ModelLimits>>,
): string => {
  const models = [...routes]
    .sort((a, b) => (a.model < b.model ? -1 : 1))
    .map((route) => [route.model, modelOf(route, limits[route.model])] as const);
  return `${JSON.stringify({ models: Object.fromEntries(models) }, null, 2)}\n`;
};
