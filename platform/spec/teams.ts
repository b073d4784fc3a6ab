import { z } from 'zod';
import { objectName } from './values.ts';

const limits = z.strictObject({
  /** Cores, summed over what pods request. */
  cpu: z.number().positive().max(10_000).default(8),
  memoryGiB: z.int().min(1).max(100_000).default(32),
  storageGiB: z.int().min(1).max(1_000_000).default(200),
  pods: z.int().min(1).max(10_000).default(50),
});

/** No team can be named like a component's namespace: its own always begins with `team-`. */
export const teamNamespace = (name: string): string => (name.startsWith('team-') ? name : `team-${name}`);

/** A team; members come from the identity provider's group of the same name. */
export const team = z.strictObject({
  name: objectName.refine((name) => name.length >= 3 && name.length <= 30, {
    error: 'a name of 3 to 30 characters | change its length: a bucket and other objects are named after it',
  }),
  limits: limits.prefault({}),
});
