import { z } from 'zod';
import { objectName } from './values.ts';

const limits = z.strictObject({
  /** Cores, summed over what pods request. */
  cpu: z.number().positive().max(10_000).default(8),
  memoryGiB: z.int().min(1).max(100_000).default(32),
  storageGiB: z.int().min(1).max(1_000_000).default(200),
  pods: z.int().min(1).max(10_000).default(50),
});

/** A team; members come from the identity provider's group of the same name. */
export const team = z.strictObject({
  name: objectName.refine((name) => name.length <= 30, {
    error: 'a name of at most 30 characters | shorten it: names of objects are built from it',
  }),
  limits: limits.prefault({}),
});
