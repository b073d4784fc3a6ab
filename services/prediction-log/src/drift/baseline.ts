import { z } from 'zod';

const share = z.number().min(0).max(1);

const field = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('number'),
    missing: share,
    /** At 0, 1, ... 100 per cent. */
    quantiles: z
      .array(z.number())
      .length(101)
      .refine((all) => all.every((value, index) => index === 0 || value >= (all[index - 1] ?? value)), {
        error: 'not ascending',
      }),
  }),
  /** Shares of the most frequent values; what they lack of 1 is the rest's. */
  z.strictObject({ kind: z.literal('category'), missing: share, shares: z.record(z.string(), share) }),
  z.strictObject({ kind: z.literal('empty'), missing: share }),
]);

/** More series than this from one model would be a burden for who stores metrics. */
const mostFields = 200;
const fields = z
  .record(z.string().min(1).max(200), field)
  .refine((all) => Object.keys(all).length <= mostFields, { error: `more than ${mostFields} fields` });

/** As `plinth.baseline()` of sdk/python records it. */
export const baseline = z.strictObject({
  format: z.literal(1),
  rows: z.int().min(100),
  features: fields,
  predictions: fields,
  quality: z.strictObject({ kind: z.enum(['accuracy', 'error']), value: z.number().min(0) }).optional(),
});

export type FieldBaseline = z.infer<typeof field>;
export type Baseline = z.infer<typeof baseline>;
