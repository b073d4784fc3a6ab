import { z } from 'zod';

/** Model and predictor names become metric labels and path segments. */
const name = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/, 'letters, digits, . _ -');

/** What a route that says nothing of it gets. */
export const defaults = { timeoutMs: 10_000, maxConcurrent: 64, maxQueued: 256 } as const;

const predictor = z.strictObject({
  name,
  /** Version of the registered model; the label of its metrics. */
  version: z.string().min(1).max(64),
  /** Base address; a path in it is put before /v2, as Seldon's own gateway wants. */
  url: z.url({ protocol: /^https?$/ }),
  /** The model's name at the predictor, where it isn't the registered name. */
  model: name.optional(),
  weight: z.int().min(0).max(100),
  /** Gets a copy of what the model is asked; the answers are only compared. */
  mirror: z.boolean().default(false),
  timeoutMs: z.int().min(1).max(600_000).optional(),
});

const model = z
  .strictObject({
    team: name,
    /** Answers for the others when they fail. */
    stable: name,
    predictors: z.array(predictor).min(1),
    timeoutMs: z.int().min(1).max(600_000).default(defaults.timeoutMs),
    maxConcurrent: z.int().min(1).max(10_000).default(defaults.maxConcurrent),
    maxQueued: z.int().min(0).max(100_000).default(defaults.maxQueued),
    log: z
      .strictObject({
        sample: z.number().min(0).max(1).default(1),
        redact: z.array(z.string().min(1)).default([]),
      })
      .default({ sample: 0, redact: [] }),
    /** A model of the same team that says which requests are outliers, and the share of them that it is asked about. */
    outliers: z.strictObject({ model: name, sample: z.number().min(0).max(1).default(1) }).optional(),
  })
  .superRefine(({ stable, predictors }, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['predictors'], message });
    const names = predictors.map((one) => one.name);
    if (new Set(names).size < names.length) refuse(`predictor names must differ, got ${names.join(', ')}`);
    const sum = predictors.reduce((total, one) => total + one.weight, 0);
    if (sum !== 100) refuse(`weights must add up to 100, got ${sum}`);
    for (const one of predictors)
      if (one.mirror && one.weight > 0)
        refuse(`${one.name} mirrors, so its weight must be 0, got ${one.weight}`);
    const found = predictors.find((one) => one.name === stable);
    if (found === undefined) refuse(`stable must be one of ${names.join(', ')}, got ${stable}`);
    else if (found.mirror) refuse(`stable predictor ${stable} can't mirror itself`);
  });

const routes = z.strictObject({ models: z.record(name, model) });

export type PredictorConfig = z.infer<typeof predictor>;
export type ModelConfig = z.infer<typeof model>;
export type RoutesConfig = z.infer<typeof routes>;

const read = <T>(schema: z.ZodType<T>, text: string): T => {
  const found = schema.safeParse(JSON.parse(text));
  if (found.success) return found.data;
  throw new Error(found.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
};

/** Reads the routes that the environment declares; throws one error with every mistake and its path. */
export const parseRoutes = (text: string): RoutesConfig => read(routes, text);

/** Reads one model's route, written while the platform runs. */
export const parseRoute = (modelName: string, text: string): RoutesConfig =>
  read(routes, `{"models":{${JSON.stringify(modelName)}:${text}}}`);
