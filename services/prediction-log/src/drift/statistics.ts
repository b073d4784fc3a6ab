import type { FieldBaseline } from './baseline.ts';
import type { Value } from './columns.ts';

// Every measure is an effect size: how much changed, not how sure one may be that something did. With enough rows
// any difference is significant; README.md says what each threshold means.

export type Check = 'psi' | 'ks' | 'missing' | 'range' | 'accuracy' | 'error';

export interface Score {
  readonly check: Check;
  readonly value: number;
}

type Numbers = Extract<FieldBaseline, { kind: 'number' }>;
type Categories = Extract<FieldBaseline, { kind: 'category' }>;

/** Fewer known values than this have no distribution to speak of. */
const fewestValues = 100;
/** A share of nothing would make the index infinite. */
const least = 1e-4;
/** Categories below it are compared together: a handful of values in a window is noise. */
const rare = 0.05;

/** Cohen's h: the distance of two shares, whose noise is the same whether they are small or not. */
export const cohensH = (before: number, now: number): number =>
  Math.abs(2 * Math.asin(Math.sqrt(now)) - 2 * Math.asin(Math.sqrt(before)));

/** Population stability index of two distributions over the same bins. */
export const psi = (expected: readonly number[], found: readonly number[]): number =>
  expected.reduce((sum, share, bin) => {
    const before = Math.max(share, least);
    const now = Math.max(found[bin] ?? 0, least);
    return sum + (now - before) * Math.log(now / before);
  }, 0);

/** Index of the first element for which the condition holds, of elements for which it holds from some on. */
const firstWhere = (sorted: readonly number[], condition: (value: number) => boolean): number => {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (condition(sorted[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** The baseline's share of values up to `x`, between quantiles in proportion; `below`: of values less than `x`. */
const cumulative = (quantiles: readonly number[], x: number, below: boolean): number => {
  const steps = quantiles.length - 1;
  const next = firstWhere(quantiles, below ? (value) => value >= x : (value) => value > x);
  if (next === 0) return 0;
  if (next > steps) return 1;
  const [from, to] = [quantiles[next - 1] as number, quantiles[next] as number];
  // Below a value that many have in common is all that lies before the first of them.
  if (below && to === x) return next / steps;
  return (next - 1 + (x - from) / (to - from)) / steps;
};

/** The largest distance between the baseline's cumulative distribution and the window's, ties included. */
export const kolmogorovSmirnov = (quantiles: readonly number[], values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  let largest = 0;
  for (let first = 0; first < n; ) {
    const x = sorted[first] as number;
    let end = first + 1;
    while (end < n && sorted[end] === x) end += 1;
    largest = Math.max(
      largest,
      Math.abs(end / n - cumulative(quantiles, x, false)),
      Math.abs(first / n - cumulative(quantiles, x, true)),
    );
    first = end;
  }
  return largest;
};

const psiOfNumbers = ({ quantiles }: Numbers, values: readonly number[]): number => {
  const deciles = [10, 20, 30, 40, 50, 60, 70, 80, 90].map((at) => quantiles[at] as number);
  const edges = [...new Set(deciles)];
  const upTo = edges.map((edge) => cumulative(quantiles, edge, false));
  const expected = [...upTo, 1].map((share, bin) => share - (upTo[bin - 1] ?? 0));
  const found = expected.map(() => 0);
  for (const value of values) {
    const bin = firstWhere(edges, (edge) => edge >= value);
    found[bin] = (found[bin] as number) + 1 / values.length;
  }
  return psi(expected, found);
};

const psiOfCategories = ({ shares }: Categories, values: readonly string[]): number => {
  const common = Object.entries(shares).filter(([, share]) => share >= rare);
  const counted = new Map<string, number>();
  for (const value of values) counted.set(value, (counted.get(value) ?? 0) + 1 / values.length);
  const expected = common.map(([, share]) => share);
  const found = common.map(([name]) => counted.get(name) ?? 0);
  const rest = (all: readonly number[]) => Math.max(0, 1 - all.reduce((sum, share) => sum + share, 0));
  return psi([...expected, rest(expected)], [...found, rest(found)]);
};

const shareOf = <T>(values: readonly T[], condition: (value: T) => boolean): number =>
  values.length === 0 ? 0 : values.filter(condition).length / values.length;

/** One field of a window against its baseline; nothing where too few of its rows say anything. */
export const compare = (baseline: FieldBaseline, values: readonly Value[]): readonly Score[] => {
  if (values.length < fewestValues) return [];
  const known = values.filter((value) => value !== null);
  const missing: Score = {
    check: 'missing',
    value: cohensH(baseline.missing, 1 - known.length / values.length),
  };
  if (baseline.kind === 'empty' || known.length < fewestValues) return [missing];
  if (baseline.kind === 'category') {
    const names = known.map(String);
    const listed = Object.values(baseline.shares).reduce((sum, share) => sum + share, 0);
    const unknown = shareOf(names, (name) => !Object.hasOwn(baseline.shares, name));
    return [
      missing,
      { check: 'psi', value: psiOfCategories(baseline, names) },
      { check: 'range', value: cohensH(Math.min(1, Math.max(0, 1 - listed)), unknown) },
    ];
  }
  const numbers = known.filter((value) => typeof value === 'number');
  const [lowest, highest] = [baseline.quantiles[0] as number, baseline.quantiles[100] as number];
  const outside = shareOf(known, (value) => typeof value !== 'number' || value < lowest || value > highest);
  const range: Score = { check: 'range', value: cohensH(0, outside) };
  if (numbers.length < fewestValues) return [missing, range];
  return [
    missing,
    range,
    { check: 'psi', value: psiOfNumbers(baseline, numbers) },
    { check: 'ks', value: kolmogorovSmirnov(baseline.quantiles, numbers) },
  ];
};

/** From where on a score is drift. README.md has what each finds, and how far noise stays below it. */
export const thresholds: Readonly<Record<Check, number>> = {
  psi: 0.2,
  ks: 0.15,
  missing: 0.3,
  range: 0.3,
  accuracy: 0.25,
  error: 1.25,
};

/** A model answers 1 for what somebody labels true. */
export const answerOf = (value: Value): string =>
  value === 'true' ? '1' : value === 'false' ? '0' : String(value);

/**
 * How much worse predictions were than expected: Cohen's h of shares of right answers, or the ratio of mean errors.
 * Labels of requests whose answers weren't logged make no pairs: too few of these say nothing.
 */
export const quality = (
  expected: { readonly kind: 'accuracy' | 'error'; readonly value: number },
  pairs: readonly (readonly [Value, Value])[],
): Score | undefined => {
  if (pairs.length < fewestValues) return undefined;
  if (expected.kind === 'accuracy') {
    const right = shareOf(pairs, ([predicted, label]) => answerOf(predicted) === answerOf(label));
    return {
      check: 'accuracy',
      value: right < expected.value ? cohensH(Math.min(1, expected.value), right) : 0,
    };
  }
  const errors = pairs.flatMap(([predicted, label]) =>
    typeof predicted === 'number' && typeof label === 'number' ? [Math.abs(predicted - label)] : [],
  );
  if (errors.length < fewestValues) return undefined;
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  return { check: 'error', value: mean / Math.max(expected.value, Number.EPSILON) };
};
