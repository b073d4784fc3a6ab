import { z } from 'zod';
import { type Mistake, show } from './mistakes.ts';
import { missing } from './needs.ts';
import { logging, outliers, scaling } from './serving.ts';

const seconds = z.int().min(1).max(604_800);
const share = z.number().min(0).max(1);

const step = z.discriminatedUnion('kind', [
  /** Gets a copy of what the model is asked; nobody sees its answers. */
  z.strictObject({ kind: z.literal('shadow'), seconds }),
  /** Answers so many percent of the requests; where it fails, who serves answers. */
  z.strictObject({ kind: z.literal('canary'), weight: z.int().min(1).max(100), seconds }),
  /** Goes no further until somebody of the team says so. */
  z.strictObject({ kind: z.literal('approval') }),
]);

const gates = z.strictObject({
  /** Most of a candidate's answers that may be failures. */
  errors: share.default(0.02),
  /** How many times slower than who serves it may be, at a quantile. */
  slowdown: z.number().min(1).max(1000).default(3),
  quantile: z.number().min(0.5).max(0.999).default(0.95),
  /** Whatever answers within so many seconds is quick enough. */
  fastEnoughSeconds: z.number().min(0).max(60).default(0.1),
  /** Most of the mirrored answers that may differ; a better model's do. */
  differing: share.default(1),
  /** A step with fewer requests isn't judged yet, */
  requests: z.int().min(0).max(1_000_000).default(50),
  /** but goes on when it has waited so much longer: whom nobody asks harms nobody. */
  quietSeconds: seconds.default(600),
  /** With fewer rows whose labels have come during a step, of either version, their quality isn't compared. */
  labels: z.int().min(1).max(1_000_000).default(500),
  /** By how much accuracy may be lower than the serving version's, as a share, or the mean error higher, as a share of its. */
  qualityDrop: z.number().min(0).max(100).default(0.1),
});

const policy = z.strictObject({
  steps: z
    .array(step)
    .max(20)
    .default([
      { kind: 'shadow', seconds: 300 },
      { kind: 'canary', weight: 10, seconds: 300 },
      { kind: 'canary', weight: 50, seconds: 300 },
    ]),
  gates: gates.prefault({}),
  /** How long a predictor may take until it is ready. */
  readySeconds: seconds.default(1200),
  /** How long nothing can be measured until a rollout is given up. */
  blindSeconds: seconds.default(900),
  scaling: scaling.default({ kind: 'fixed', replicas: 1 }),
  /** What a pod asks for, in cores. */
  cpu: z.number().positive().max(256).default(0.1),
  memoryMiB: z.int().min(512).max(1_048_576).default(768),
  /** What one replica of the gateway lets through at a time, and how long a predictor may take. */
  concurrent: z.int().min(1).max(10_000).default(64),
  queued: z.int().min(0).max(100_000).default(256),
  timeoutSeconds: z.int().min(1).max(600).default(10),
  log: logging.prefault({}),
  /** A model of the same team that is asked which requests are outliers. Unset: none is. */
  outliers: outliers.optional(),
});

const retrain = z.discriminatedUnion('kind', [
  /** Drift of a model starts the DAG that the registered model names. */
  z.strictObject({
    kind: z.literal('on'),
    /** A model is retrained for drift at most once in so many minutes. */
    periodMinutes: z.int().min(1).max(43_200).default(360),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);

export const promoter = z.discriminatedUnion('kind', [
  /** The alias `champion` of a registered model deploys its version, step by step. */
  z.strictObject({
    kind: z.literal('on'),
    policy: policy.prefault({}),
    /** In place of `policy`, by registered model. */
    models: z.record(z.string().min(1), policy).default({}),
    retrain: retrain.default({ kind: 'off' }),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);

export type PolicyChoice = z.output<typeof policy>;

interface Parts {
  readonly promoter: z.output<typeof promoter>;
  readonly postgres: { readonly kind: string };
  readonly identity: { readonly kind: string };
  readonly mlflow: { readonly kind: string };
  readonly monitoring: { readonly kind: string };
  readonly serving: { readonly kind: string };
  readonly airflow: { readonly kind: string };
  readonly predictionLog: { readonly kind: string };
}

/** What the rest of an environment must have for models to be promoted. */
export const promoterMistakes = (environment: Parts): readonly Mistake[] => {
  if (environment.promoter.kind === 'off') return [];
  const without = "promoter: { kind: 'off' }";
  const needs = {
    postgres: 'promoter needs a database',
    identity: 'promoter needs an issuer of tokens',
    mlflow: 'promoter needs a registry of models',
    monitoring: 'promoter needs what Prometheus knows of candidates',
    serving: 'promoter needs something that runs models',
  };
  const mistakes = [...missing(environment, needs, without)];
  if (environment.promoter.retrain.kind === 'on') {
    const forRetraining = {
      airflow: 'promoter.retrain needs DAGs to start',
      predictionLog: 'promoter.retrain needs somebody to notice drift',
    };
    mistakes.push(...missing(environment, forRetraining, "promoter.retrain: { kind: 'off' }"));
  }
  if (environment.serving.kind === 'seldon')
    mistakes.push({
      path: 'serving.kind',
      got: show('seldon'),
      expected: "'mlserver', because promoter needs predictors that are plain Deployments",
      mend: `choose it, or write ${without}`,
    });
  return mistakes;
};
