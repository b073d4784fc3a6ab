import type { OutlierChecks, PredictorShape, TeamSpace } from '../../contracts/index.ts';

/** One thing that happens to a candidate before it gets all requests. */
export type RolloutStep =
  | { readonly kind: 'shadow'; readonly seconds: number }
  | { readonly kind: 'canary'; readonly weight: number; readonly seconds: number }
  | { readonly kind: 'approval' };

/** What a candidate must be like, compared with who serves. */
export interface RolloutGates {
  /** Shares between 0 and 1. */
  readonly errors: number;
  readonly differing: number;
  readonly slowdown: number;
  readonly quantile: number;
  /** In seconds. */
  readonly fastEnough: number;
  readonly requests: number;
  readonly quietSeconds: number;
  /** Rows whose labels have come, of each version, before their quality is compared. */
  readonly labels: number;
  /** By how much accuracy may be lower, as a share, or the mean error higher, as a share of the stable version's. */
  readonly qualityDrop: number;
}

/** How versions of a model are rolled out, and what each takes of the cluster. */
export interface RolloutPolicy {
  readonly steps: readonly RolloutStep[];
  readonly gates: RolloutGates;
  readonly readySeconds: number;
  readonly blindSeconds: number;
  readonly limits: {
    readonly timeoutSeconds: number;
    readonly concurrent: number;
    readonly queued: number;
  };
  /** Which predictions are logged, as a share, and the fields whose values never are. */
  readonly log: { readonly sample: number; readonly redact: readonly string[] };
  /** A model of the same team that is asked which requests are outliers; unset: none is. */
  readonly outliers: OutlierChecks | undefined;
  readonly shape: PredictorShape;
}

export interface RolloutPolicies {
  readonly default: RolloutPolicy;
  readonly models: Readonly<Record<string, RolloutPolicy>>;
}

const policyJson = ({ limits, shape: _, ...policy }: RolloutPolicy): object => ({
  ...policy,
  limits: {
    timeoutMs: limits.timeoutSeconds * 1000,
    maxConcurrent: limits.concurrent,
    maxQueued: limits.queued,
  },
});

/** policies.json, as services/promoter reads it. */
export const policiesFile = (
  policies: RolloutPolicies,
  teams: readonly TeamSpace[],
  declared: readonly string[],
): string => {
  const models = Object.entries(policies.models).sort(([a], [b]) => (a < b ? -1 : 1));
  const content = {
    default: policyJson(policies.default),
    models: Object.fromEntries(models.map(([name, policy]) => [name, policyJson(policy)])),
    teams: teams.map(({ name, namespace }) => ({ name, namespace })),
    declared,
  };
  return `${JSON.stringify(content, null, 2)}\n`;
};
