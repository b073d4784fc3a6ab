import { z } from 'zod';

const seconds = z.int().min(1).max(604_800);

const step = z.discriminatedUnion('kind', [
  /** Gets a copy of what the model is asked; nobody sees its answers. */
  z.strictObject({ kind: z.literal('shadow'), seconds }),
  /** Answers this share of the requests, in percent; where it fails, the stable predictor answers. */
  z.strictObject({ kind: z.literal('canary'), weight: z.int().min(1).max(100), seconds }),
  /** Goes no further until somebody of the team says so. */
  z.strictObject({ kind: z.literal('approval') }),
]);

const gates = z.strictObject({
  /** Most of the candidate's answers that may be failures, as a share. */
  errors: z.number().min(0).max(1),
  /** How many times slower than the stable predictor the candidate may be at `quantile`. */
  slowdown: z.number().min(1).max(1000),
  quantile: z.number().min(0.5).max(0.999),
  /** Faster than this is fast enough, however fast the stable one is. In seconds. */
  fastEnough: z.number().min(0).max(60),
  /** Most of the mirrored answers that may differ from the stable predictor's, as a share; a better model differs. */
  differing: z.number().min(0).max(1),
  /** A step with fewer requests isn't judged yet. */
  requests: z.int().min(0).max(1_000_000),
  /** How long after its own time a step waits for that many; a model that nobody asks goes on without. */
  quietSeconds: seconds,
  /** With fewer rows whose labels have come, of either, the two versions' quality isn't compared. */
  labels: z.int().min(1).max(1_000_000),
  /** By how much accuracy may be lower, as a share, or the mean error higher, as a share of the stable version's. */
  qualityDrop: z.number().min(0).max(100),
});

const policy = z.strictObject({
  steps: z.array(step).max(20),
  gates,
  /** How long a predictor may take until it is ready. */
  readySeconds: seconds,
  /** How long nothing can be measured before the rollout is given up. */
  blindSeconds: seconds,
  /** What one replica of the gateway lets through, and how long a predictor may take; as routes have it. */
  limits: z.strictObject({
    timeoutMs: z.int().min(1).max(600_000),
    maxConcurrent: z.int().min(1).max(10_000),
    maxQueued: z.int().min(0).max(100_000),
  }),
  log: z
    .strictObject({ sample: z.number().min(0).max(1), redact: z.array(z.string().min(1)) })
    .default({ sample: 0, redact: [] }),
  /** A model of the same team that is asked which requests are outliers; as routes have it. */
  outliers: z.strictObject({ model: z.string().min(1), sample: z.number().min(0).max(1) }).optional(),
});

const file = z.strictObject({
  default: policy,
  /** By model, in place of the default. */
  models: z.record(z.string(), policy),
  /** Teams, by the workspace of the registry and the namespace that they are. */
  teams: z.array(z.strictObject({ name: z.string().min(1), namespace: z.string().min(1) })),
  /** Models that the environment deploys itself: the promoter keeps its hands off. */
  declared: z.array(z.string()),
});

export type Step = z.infer<typeof step>;
export type Gates = z.infer<typeof gates>;
export type Policy = z.infer<typeof policy>;
export type PolicyFile = z.infer<typeof file>;

/** Reads the file of policies; throws one error with every mistake and its path. */
export const parsePolicies = (text: string): PolicyFile => {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new Error(`policies: POLICIES_FILE is not JSON: ${String(error)}`);
  }
  const found = file.safeParse(given);
  if (found.success) return found.data;
  const mistakes = found.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`policies: ${mistakes.join('; ')}`);
};

export const policyOf = (policies: PolicyFile, model: string): Policy =>
  policies.models[model] ?? policies.default;
