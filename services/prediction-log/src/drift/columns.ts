import { z } from 'zod';

/** A value as drift sees it: missing, a number, or the name of a category. */
export type Value = number | string | null;

/** Columns of one body by name. One that was hidden before it was logged is `hidden`: unlike missing, it says nothing. */
export type Columns = ReadonlyMap<string, readonly Value[] | 'hidden'>;

const tensor = z.looseObject({
  name: z.string(),
  datatype: z.string().optional(),
  shape: z.array(z.int().min(0)).min(1).optional(),
  data: z.unknown(),
});
const request = z.looseObject({ inputs: z.array(tensor) });
const response = z.looseObject({ outputs: z.array(tensor) });

type Tensor = z.infer<typeof tensor>;

const valueFrom = (value: unknown): Value => {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'string') return value === 'NaN' ? null : value;
  return null;
};

const columnsOf = (
  one: Tensor,
  name: string,
): readonly (readonly [string, readonly Value[] | 'hidden'])[] => {
  if (!Array.isArray(one.data)) return [[name, 'hidden']];
  const data = one.data.flat(Number.POSITIVE_INFINITY).map(valueFrom);
  const rows = one.shape?.[0] ?? data.length;
  const width = rows === 0 ? 0 : data.length / rows;
  if (!Number.isInteger(width) || width === 0) return [];
  if (width === 1) return [[name, data]];
  return Array.from({ length: width }, (_, column) => [
    `${name}[${column}]`,
    data.filter((_, index) => index % width === column),
  ]);
};

const parsed = (text: string | null): unknown => {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** What a V2 request asks about, by tensor; `x[0]`, `x[1]` where a tensor has several values a row. */
export const inputsOf = (text: string | null): Columns =>
  new Map(request.safeParse(parsed(text)).data?.inputs.flatMap((one) => columnsOf(one, one.name)) ?? []);

/** What was predicted: each output by its name, and the first one also as `prediction`. */
export const outputsOf = (text: string | null): Columns =>
  new Map(
    response
      .safeParse(parsed(text))
      .data?.outputs.flatMap((one, index) => [
        ...columnsOf(one, one.name),
        ...(index === 0 ? columnsOf(one, 'prediction') : []),
      ]) ?? [],
  );

/** Rows of a body: what most of its columns have, which a body with one odd tensor keeps. */
export const rowsOf = (columns: Columns): number => {
  const lengths = [...columns.values()].filter((each) => each !== 'hidden').map(({ length }) => length);
  return lengths.length === 0 ? 0 : Math.max(...lengths);
};
