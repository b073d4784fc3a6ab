import { z } from 'zod';
import { replicas } from './values.ts';

export const mlflow = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('on'),
    replicas: replicas.default(1),
    /** Processes of each replica; each adds 250 MiB to what a replica asks for and is limited to. */
    workers: z.int().min(1).max(16).default(2),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);
