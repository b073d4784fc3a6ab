import type { Baseline, FieldBaseline } from '../../src/drift/baseline.ts';
import type { Value } from '../../src/drift/columns.ts';
import { normal, uniform } from './random.ts';

export type Row = Readonly<Record<string, Value>>;

/** What a stream looks like; a shift changes one field and leaves the others' randomness as it is. */
export interface Shift {
  readonly field: string;
  readonly of: (value: Value, next: () => number) => Value;
}

const pickOf = <T>(next: () => number, shares: readonly (readonly [T, number])[]): T => {
  let left = next();
  for (const [value, share] of shares) {
    left -= share;
    if (left < 0) return value;
  }
  return (shares.at(-1) as readonly [T, number])[0];
};

const carriers = [
  ['AA', 0.3],
  ['DL', 0.25],
  ['UA', 0.2],
  ['WN', 0.15],
  ['B6', 0.07],
  ['HA', 0.03],
] as const;

/** Normal, skewed, uniform, zero-inflated, coded, rare categories, flags and gaps, and what a model predicts. */
const generators: Readonly<Record<string, (next: () => number) => Value>> = {
  temperature: (next) => 12 + 8 * normal(next),
  distance: (next) => Math.exp(6.5 + 0.6 * normal(next)),
  departure: (next) => next() * 24,
  rain: (next) => (next() < 0.65 ? 0 : -Math.log(1 - next()) * 3),
  month: (next) => 1 + Math.floor(next() * 12),
  carrier: (next) => pickOf(next, carriers),
  weekend: (next) => (next() < 2 / 7 ? 'true' : 'false'),
  wind: (next) => (next() < 0.3 ? null : 5 + Math.abs(6 * normal(next))),
  prediction: (next) => 1 / (1 + Math.exp(2 - 1.2 * normal(next))),
};

export const fields = Object.keys(generators);

/** Each field has a stream of random numbers of its own, so that shifting one moves no other. */
export const stream = (seed: number, shifts: readonly Shift[] = []): (() => Row) => {
  const sources = fields.map((field, index) => {
    const next = uniform(seed * 1000 + index);
    const shift = shifts.find((each) => each.field === field);
    const make = generators[field] as (next: () => number) => Value;
    return [field, () => (shift === undefined ? make(next) : shift.of(make(next), next))] as const;
  });
  return () => Object.fromEntries(sources.map(([field, next]) => [field, next()]));
};

const quantile = (sorted: readonly number[], share: number): number => {
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] as number, sorted[Math.ceil(at)] as number];
  return low === high ? low : low + (high - low) * (at - Math.floor(at));
};

/** As sdk/python's `plinth.baseline()` describes a column. */
export const describe = (values: readonly Value[]): FieldBaseline => {
  const known = values.filter((value) => value !== null);
  const missing = 1 - known.length / values.length;
  const coded = new Set(known).size <= 20 && known.every((each) => Number.isInteger(each));
  if (coded || typeof known[0] === 'string') {
    const counted = new Map<string, number>();
    for (const value of known) counted.set(String(value), (counted.get(String(value)) ?? 0) + 1);
    const shares = [...counted].map(([name, count]) => [name, count / known.length] as const);
    return { kind: 'category', missing, shares: Object.fromEntries(shares) };
  }
  const sorted = known.map(Number).sort((a, b) => a - b);
  return {
    kind: 'number',
    missing,
    quantiles: Array.from({ length: 101 }, (_, i) => quantile(sorted, i / 100)),
  };
};

const known = new Map<string, Baseline>();

export const baselineOf = (rows: number, seed = 1): Baseline => {
  const key = `${rows} ${seed}`;
  const made = known.get(key) ?? makeBaseline(rows, seed);
  known.set(key, made);
  return made;
};

const makeBaseline = (rows: number, seed: number): Baseline => {
  const next = stream(seed);
  const all = Array.from({ length: rows }, next);
  const described = fields.map((field) => [field, describe(all.map((row) => row[field] ?? null))] as const);
  const features = described.filter(([field]) => field !== 'prediction');
  const predictions = described.filter(([field]) => field === 'prediction');
  return {
    format: 1,
    rows,
    features: Object.fromEntries(features),
    predictions: Object.fromEntries(predictions),
    quality: { kind: 'accuracy', value: 0.85 },
  };
};

/** A V2 request and its answer for these rows. */
export const exchange = (rows: readonly Row[]): { readonly request: object; readonly response: object } => {
  const tensor = (name: string) => ({
    name,
    shape: [rows.length, 1],
    datatype: 'FP64',
    data: rows.map((row) => row[name] ?? null),
  });
  return {
    request: { inputs: fields.filter((field) => field !== 'prediction').map(tensor) },
    response: { outputs: [{ ...tensor('prediction'), name: 'predict' }] },
  };
};
