import { z } from 'zod';
import type { Mistake } from './mistakes.ts';
import { missing } from './needs.ts';

export const spark = z.discriminatedUnion('kind', [
  /** Sessions from notebooks and DAGs, and applications by the Spark operator, in every team's namespace. */
  z.strictObject({
    kind: z.literal('on'),
    /** What a driver asks of a node, in thousandths of a core. */
    driverMillis: z.int().min(20).max(16_000).default(200),
    /**
     * What one core of an executor asks of a node, in thousandths of one. At 1000 a core is a core; less lets executors
     * share what others leave idle.
     */
    executorCoreMillis: z.int().min(50).max(1000).default(1000),
    /** The longest that a session or an application may run, in hours. */
    limitHours: z.int().min(1).max(720).default(24),
    /**
     * Options of the Java of every driver and executor. `-XX:TieredStopAtLevel=1` is for jobs of seconds: they start with
     * less work, and compute more slowly later. Memory and settings of Spark are a job's own: Spark refuses them here.
     */
    javaOptions: z
      .array(
        z
          .string()
          .regex(
            /^-(?!Xmx|Dspark)[^\s'"\\]+$/,
            'one option of java each, neither -Xmx nor -Dspark | split or remove it; memory has a field',
          ),
      )
      .default([]),
    /** A history server for each team, which its members sign in to. Without one, event logs are still written. */
    history: z.boolean().default(true),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);

interface Parts {
  readonly spark: z.output<typeof spark>;
  readonly objectStore: { readonly kind: string };
  readonly identity: { readonly kind: string };
  readonly gateway: { readonly kind: string };
}

/** What the rest of an environment must have for Spark. */
export const sparkMistakes = (environment: Parts): readonly Mistake[] => {
  const { spark: chosen } = environment;
  if (chosen.kind === 'off') return [];
  const store = { objectStore: 'spark needs a bucket of each team' };
  const history = {
    identity: 'spark needs a sign-in for its history',
    gateway: 'spark needs an address for its history',
  };
  return [
    ...missing(environment, store, "spark: { kind: 'off' }"),
    ...(chosen.history ? missing(environment, history, "spark: { kind: 'on', history: false }") : []),
  ];
};
