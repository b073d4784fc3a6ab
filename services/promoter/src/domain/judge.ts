import type { Gates } from './policy.ts';
import type { Measured } from './rollout.ts';

export type Verdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'fail'; readonly reason: string }
  /** Too few requests to tell. */
  | { readonly kind: 'quiet' };

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const milliseconds = (seconds: number): string => `${Math.round(seconds * 1000)} ms`;

/**
 * Whether the candidate is good enough so far. Failures count before there are enough requests to pass: as many as
 * would be too many even if all that are missing went well.
 */
export const judge = (measured: Measured, gates: Gates): Verdict => {
  const { requests, failures, differing, seconds, stableSeconds } = measured;
  const enough = Math.max(gates.requests, 1);
  const of = Math.max(requests, enough);
  if (failures > gates.errors * of)
    return {
      kind: 'fail',
      reason: `${failures} of ${requests} requests failed, ${percent(gates.errors)} may`,
    };
  if (differing > gates.differing * of)
    return {
      kind: 'fail',
      reason: `${differing} of ${requests} answers differ, ${percent(gates.differing)} may`,
    };
  if (requests < gates.requests) return { kind: 'quiet' };
  const limit = Math.max(gates.fastEnough, (stableSeconds ?? 0) * gates.slowdown);
  // Without the stable predictor's time there is nothing to compare with.
  if (seconds !== null && stableSeconds !== null && seconds > limit)
    return {
      kind: 'fail',
      reason: `${milliseconds(seconds)} at quantile ${gates.quantile} is over ${milliseconds(limit)}; the stable predictor takes ${milliseconds(stableSeconds)}`,
    };
  return { kind: 'pass' };
};
