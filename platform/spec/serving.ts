import { z } from 'zod';
import { type Mistake, show } from './mistakes.ts';
import { missing } from './needs.ts';
import { checked, objectName, replicas } from './values.ts';

const modelSource = z.discriminatedUnion('kind', [
  /** A version of a registered model of the team's; never an alias, which may move. */
  z.strictObject({ kind: z.literal('registry'), model: z.string().min(1), version: z.int().min(1) }),
  /** A folder that MLflow saved a model to, in the team's own bucket. */
  z.strictObject({
    kind: z.literal('bucket'),
    path: checked(
      /^[\w.-]+(\/[\w.-]+)*$/,
      "a path in the bucket without '/' at its ends",
      'write it like models/delays/3',
    ),
  }),
]);

export const scaling = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fixed'), replicas: replicas.default(1) }),
  z
    .strictObject({
      kind: z.literal('auto'),
      minimum: replicas.default(2),
      maximum: replicas,
      /** Mean use of the CPU that is aimed at, in percent of what a pod asks for. */
      cpuPercent: z.int().min(10).max(1000).default(70),
    })
    .refine(({ minimum, maximum }) => minimum <= maximum, {
      error: 'a maximum that is not below the minimum | change one of them',
    }),
]);

/** Predictions that are logged, where the platform keeps a log. */
export const logging = z.strictObject({
  /** Share of the requests, from 0 to 1. */
  sample: z.number().min(0).max(1).default(1),
  /** Members and tensors of requests and answers whose values are hidden. */
  redact: z.array(z.string().min(1)).default([]),
});

/** A model of the same team, served like any other, that says which requests are outliers. */
export const outliers = z.strictObject({
  model: objectName,
  /** Share of the requests that it is asked about, from 0 to 1. */
  sample: z.number().min(0).max(1).default(1),
});

const predictor = z.strictObject({
  name: objectName,
  source: modelSource,
  /** A model whose outputs are this one's inputs. */
  transformer: modelSource.optional(),
  /** Share of the model's requests, in percent. */
  weight: z.int().min(0).max(100).default(100),
  scaling: scaling.default({ kind: 'fixed', replicas: 1 }),
  /** What a pod asks for, in cores. */
  cpu: z.number().positive().max(256).default(0.1),
  memoryMiB: z.int().min(512).max(1_048_576).default(768),
});

const model = z.strictObject({
  /** Its path at the gateway: unique on the platform. */
  name: objectName,
  team: objectName,
  predictors: z
    .array(predictor)
    .min(1)
    .refine((all) => all.reduce((sum, { weight }) => sum + weight, 0) === 100, {
      error: 'predictors whose weights add up to 100 | change the weights',
    })
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
      error: 'predictors with a name each | rename one of them',
    }),
  /** What one replica of the gateway lets through at a time. */
  concurrent: z.int().min(1).max(10_000).default(64),
  /** How many wait for their turn; the next is told to come back. */
  queued: z.int().min(0).max(100_000).default(256),
  timeoutSeconds: z.int().min(1).max(600).default(10),
  /** Unset: none is. */
  log: logging.optional(),
  /** Unset: nobody is asked. */
  outliers: outliers.optional(),
});

const common = {
  /** Of the gateway that all requests pass. */
  replicas: replicas.default(2),
  /** Deployed with the platform; others come while it runs. */
  models: z.array(model).default([]),
};

export const serving = z.discriminatedUnion('kind', [
  /** A Deployment of MLServer for each predictor. */
  z.strictObject({
    kind: z.literal('mlserver'),
    ...common,
    /** Whether notebooks and DAGs may deploy models of their team by themselves; it takes MLflow, and the identity that Spark gives them. */
    byHand: z.boolean().default(true),
  }),
  /** Seldon Core's operator; the namespaces of teams that serve models get Pod Security `baseline`. */
  z.strictObject({ kind: z.literal('seldon'), ...common }),
  z.strictObject({ kind: z.literal('off') }),
]);

/** What a predictor takes for which nobody chose. */
export const commonPredictor = predictor.pick({ scaling: true, cpu: true, memoryMiB: true }).parse({});

export type Serving = z.output<typeof serving>;
export type ModelChoice = Extract<Serving, { readonly models: unknown }>['models'][number];

interface Parts {
  readonly serving: Serving;
  readonly identity: { readonly kind: string };
  readonly mlflow: { readonly kind: string };
  readonly objectStore: { readonly kind: string };
  readonly teams: readonly { readonly name: string }[];
}

/** Kubernetes' limit, in characters. */
const serviceName = 63;

const sourcesOf = ({ predictors }: ModelChoice) =>
  predictors.flatMap(({ source, transformer }) =>
    transformer === undefined ? [source] : [source, transformer],
  );

/** What the rest of an environment must have for models to be served. */
export const servingMistakes = ({ serving: chosen, ...environment }: Parts): readonly Mistake[] => {
  if (chosen.kind === 'off') return [];
  const without = "serving: { kind: 'off' }";
  const kinds = new Set(chosen.models.flatMap(sourcesOf).map(({ kind }) => kind));
  const mistakes: Mistake[] = [
    ...missing(environment, { identity: 'serving needs an issuer of tokens' }, without),
    ...(kinds.has('registry')
      ? missing(environment, { mlflow: 'serving needs a registry of models' }, without)
      : []),
    ...(kinds.has('bucket')
      ? missing(environment, { objectStore: 'serving needs the buckets of its models' }, without)
      : []),
  ];
  const teams = environment.teams.map(({ name }) => name);
  const known =
    teams.length === 0 ? 'a team, because serving needs one for each model' : `one of ${teams.join(', ')}`;
  const names = chosen.models.map(({ name }) => name);
  for (const [index, { name, team, predictors }] of chosen.models.entries()) {
    const mistake = (field: string, got: string, expected: string, mend: string): void => {
      mistakes.push({ path: `serving.models.${index}.${field}`, got: show(got), expected, mend });
    };
    if (!teams.includes(team)) mistake('team', team, known, 'remove it, or check its spelling');
    if (names.indexOf(name) !== index)
      mistake('name', name, 'a name that no other model has', 'rename or remove one of them');
    const longest = Math.max(...predictors.map((predictor) => predictor.name.length));
    if (name.length + 1 + longest > serviceName)
      mistake(
        'name',
        name,
        `a name that with a predictor's has at most ${serviceName - 1} characters, as a Service is named after both`,
        'shorten it',
      );
  }
  return mistakes;
};
