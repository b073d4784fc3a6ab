import type { Gates } from './policy.ts';
import type { Labelled, Measured } from './rollout.ts';

/** Of what isn't refused, what labels said, for the audit. */
export type Verdict =
  | { readonly kind: 'pass'; readonly quality: string }
  | { readonly kind: 'fail'; readonly reason: string }
  /** Too few requests to tell. */
  | { readonly kind: 'quiet'; readonly quality: string };

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const milliseconds = (seconds: number): string => `${Math.round(seconds * 1000)} ms`;

type Quality = { readonly kind: 'fine' | 'worse' | 'unknown'; readonly said: string };

/** Shares that are equal differ by what numbers in a computer lose. */
const least = 1e-9;

const accuracy = ({ rows, wrong }: Labelled): number => 1 - wrong / rows;
const meanError = ({ rows, error }: Labelled): number => error / rows;

/**
 * Both versions by the labels that came in the same time. With too few of either, or with mistakes of two kinds that
 * can't be set against each other, labels say nothing.
 */
const compared = ({ labelled, stableLabelled }: Measured, { labels, qualityDrop }: Gates): Quality => {
  if (Math.min(labelled.rows, stableLabelled.rows) < labels) {
    const said = `too few labels to compare by: ${labelled.rows}, and ${stableLabelled.rows} of the stable version; ${labels} are needed`;
    return { kind: 'unknown', said };
  }
  // Who made no mistake at all made none of either kind.
  const isOff = labelled.error > 0 || stableLabelled.error > 0;
  const isWrong = labelled.wrong > 0 || stableLabelled.wrong > 0;
  if (isOff && isWrong) {
    const said = 'labels count as errors and as right or wrong: both versions need baselines of one kind';
    return { kind: 'unknown', said };
  }
  if (isOff) {
    const [errors, stableErrors] = [meanError(labelled), meanError(stableLabelled)];
    const said = `a mean error of ${errors.toPrecision(3)} over ${labelled.rows} labels; the stable version's is ${stableErrors.toPrecision(3)}`;
    return { kind: errors > stableErrors * (1 + qualityDrop) ? 'worse' : 'fine', said };
  }
  const [right, stableRight] = [accuracy(labelled), accuracy(stableLabelled)];
  const said = `${percent(right)} right of ${labelled.rows} labels; of the stable version's ${percent(stableRight)}`;
  return { kind: stableRight - right > qualityDrop + least ? 'worse' : 'fine', said };
};

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
  // Labels have a least number of their own.
  const quality = compared(measured, gates);
  if (quality.kind === 'worse')
    return { kind: 'fail', reason: `worse by more than ${percent(gates.qualityDrop)}: ${quality.said}` };
  if (requests < gates.requests) return { kind: 'quiet', quality: quality.said };
  const limit = Math.max(gates.fastEnough, (stableSeconds ?? 0) * gates.slowdown);
  // Without the stable predictor's time there is nothing to compare with.
  if (seconds !== null && stableSeconds !== null && seconds > limit)
    return {
      kind: 'fail',
      reason: `${milliseconds(seconds)} at quantile ${gates.quantile} is over ${milliseconds(limit)}; the stable predictor takes ${milliseconds(stableSeconds)}`,
    };
  return { kind: 'pass', quality: quality.said };
};
