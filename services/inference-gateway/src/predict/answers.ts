import { z } from 'zod';

const tensor = z.looseObject({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.int().min(0)),
  data: z.array(z.unknown()),
});

const response = z.looseObject({ outputs: z.array(tensor).min(1) });

type Tensor = z.infer<typeof tensor>;
type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** The outputs of a V2 answer in JSON; undefined if it isn't one. */
const outputsOf = (body: Buffer): readonly Tensor[] | undefined => {
  try {
    return response.safeParse(JSON.parse(body.toString('utf8'))).data?.outputs;
  } catch {
    return undefined;
  }
};

/** Whether a 2xx answer is what the protocol promises. Binary tensors are taken as they are. */
export const isInference = (headers: Headers, body: Buffer): boolean => {
  const type = String(headers['content-type'] ?? 'application/json').toLowerCase();
  if (type.startsWith('application/octet-stream'))
    return headers['inference-header-content-length'] !== undefined;
  return type.startsWith('application/json') && outputsOf(body) !== undefined;
};

/** Floating point sums depend on the order of addition: the same model on another machine is this close. */
const tolerance = 1e-6;

const same = (a: unknown, b: unknown): boolean => {
  if (typeof a === 'number' && typeof b === 'number')
    return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((value, index) => same(value, b[index]));
  return Object.is(a, b) || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));
};

type Kind = 'number' | 'text' | 'truth' | 'other';

const kindOf = ({ datatype }: Tensor): Kind =>
  /^U?INT|^FP|^BF/.test(datatype)
    ? 'number'
    : datatype === 'BYTES'
      ? 'text'
      : datatype === 'BOOL'
        ? 'truth'
        : 'other';

/** JSON has no other way to write what is no number. */
const holes = (data: readonly unknown[]): number =>
  data.flat(8).filter((value) => value === null || (typeof value === 'number' && !Number.isFinite(value)))
    .length;

/** Whether who reads the one can read the other: as many rows of the same kind, and nothing missing that was there. */
const alike = (one: Tensor, other: Tensor): boolean =>
  kindOf(one) === kindOf(other) &&
  one.shape[0] === other.shape[0] &&
  one.shape.reduce((all, each) => all * each, 1) === other.shape.reduce((all, each) => all * each, 1) &&
  holes(other.data) <= holes(one.data);

export type Comparison = 'match' | 'differ' | 'unlike' | 'incomparable';

/**
 * Compares outputs by name, whatever their order; ids and versions are expected to differ. `differ`: other values, as a
 * better model has; `unlike`: what a caller that reads the one can't read.
 */
export const compare = (ours: Buffer, theirs: Buffer): Comparison => {
  const expected = outputsOf(ours);
  const found = outputsOf(theirs);
  if (expected === undefined) return 'incomparable';
  if (found === undefined) return 'unlike';
  const byName = new Map(found.map((one) => [one.name, one]));
  let match = found.length === expected.length;
  for (const one of expected) {
    const other = byName.get(one.name);
    if (other === undefined || !alike(one, other)) return 'unlike';
    match &&= other.datatype === one.datatype && same(one.shape, other.shape) && same(one.data, other.data);
  }
  return match ? 'match' : 'differ';
};
