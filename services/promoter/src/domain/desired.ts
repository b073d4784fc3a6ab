import type { Policy, Step } from './policy.ts';
import type { Rollout } from './rollout.ts';

/** One predictor of a route; weights of a route add up to 100, and a mirror has none. */
export interface RoutedVersion {
  readonly version: string;
  readonly weight: number;
  readonly mirror: boolean;
}

export interface DesiredRoute {
  readonly stable: string;
  readonly versions: readonly RoutedVersion[];
}

/** What there should be of a model: versions that run, and who is asked; null: nobody. */
export interface Desired {
  readonly versions: readonly string[];
  readonly route: DesiredRoute | null;
}

const alone = (version: string | null): DesiredRoute | null =>
  version === null ? null : { stable: version, versions: [{ version, weight: 100, mirror: false }] };

/** A step in which the candidate is asked something. */
export type Exposure = Exclude<Step, { kind: 'approval' }>;

/** How the candidate is asked: while somebody is to approve, all stays as in the step before. Undefined: not at all. */
export const exposureOf = (rollout: Pick<Rollout, 'step' | 'steps'>): Exposure | undefined => {
  for (let index = rollout.step; index >= 0; index -= 1) {
    const step = rollout.steps[index];
    if (step !== undefined && step.kind !== 'approval') return step;
  }
  return undefined;
};

const during = (rollout: Rollout, stable: string): DesiredRoute => {
  const step = exposureOf(rollout);
  const only = { stable, versions: [{ version: stable, weight: 100, mirror: false }] };
  if (step === undefined) return only;
  const weight = step.kind === 'canary' ? step.weight : 0;
  return {
    stable,
    versions: [
      { version: stable, weight: 100 - weight, mirror: false },
      { version: rollout.version, weight, mirror: step.kind === 'shadow' },
    ],
  };
};

/** Versions that run, the serving one first and none twice. */
const running = (...versions: readonly (string | null)[]): readonly string[] => [
  ...new Set(versions.filter((each) => each !== null)),
];

export const desired = (rollout: Rollout): Desired => {
  const { phase, stable, version, outcome } = rollout;
  const winner = outcome === 'promoted' ? version : stable;
  switch (phase) {
    case 'deploying':
      return { versions: running(stable, version), route: alone(stable) };
    case 'step':
      return {
        versions: running(stable, version),
        route: stable === null ? null : during(rollout, stable),
      };
    case 'ending':
      // Who has lost still finishes what it was asked.
      return { versions: running(stable, version), route: alone(winner) };
    case 'done':
      return { versions: running(winner), route: alone(winner) };
    default:
      return phase satisfies never;
  }
};

/** What there should be of a model that has no rollout. */
export const settled = (serving: string | null): Desired => ({
  versions: running(serving),
  route: alone(serving),
});

export interface RouteDocument {
  readonly team: string;
  readonly stable: string;
  readonly predictors: readonly {
    readonly name: string;
    readonly version: string;
    readonly url: string;
    readonly weight: number;
    readonly mirror: boolean;
  }[];
  readonly timeoutMs: number;
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  readonly log: Policy['log'];
  readonly outliers?: NonNullable<Policy['outliers']>;
}

export const predictorName = (version: string): string => `v${version}`;
/** Name of a predictor's objects; the template of the platform says the same with placeholders. */
export const objectName = (model: string, version: string): string => `${model}-${predictorName(version)}`;

export interface RoutePlace {
  readonly team: string;
  readonly model: string;
  readonly namespace: string;
  /** Where predictors take requests. */
  readonly port: number;
}

/** A route in the words of the inference gateway. */
export const routeDocument = (
  { stable, versions }: DesiredRoute,
  { team, model, namespace, port }: RoutePlace,
  policy: Policy,
): RouteDocument => ({
  team,
  stable: predictorName(stable),
  predictors: versions.map(({ version, weight, mirror }) => ({
    name: predictorName(version),
    version,
    url: `http://${objectName(model, version)}.${namespace}.svc.cluster.local:${port}`,
    weight,
    mirror,
  })),
  ...policy.limits,
  log: policy.log,
  ...(policy.outliers === undefined ? {} : { outliers: policy.outliers }),
});
