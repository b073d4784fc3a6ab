import { z } from 'zod';
import { inputsOf, outputsOf, rowsOf } from '../drift/columns.ts';
import type { PredictionRow } from '../store/predictions.ts';

// NUL can't be stored as text, and nothing that names something has one.
const name = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\0]*$/);

/** What the inference gateway writes of one prediction; its README has an example. */
const record = z.object({
  requestId: name,
  time: z.iso.datetime(),
  team: name,
  model: name,
  version: name,
  predictor: name,
  fallbackFrom: name.nullable().default(null),
  status: z.int().min(100).max(599),
  latencyMs: z.number().min(0),
  request: z.unknown(),
  response: z.unknown(),
});

/** Records of a batch, each still to be checked: one that is wrong must not take others with it. */
export const batch = z.object({ records: z.array(z.unknown()) });

/** More values than this aren't compared with labels one by one. */
const mostPredicted = 10_000;

const bodyOf = (value: unknown, most: number): string | null => {
  if (value === null || value === undefined) return null;
  try {
    const text = JSON.stringify(value);
    return text.length > most ? null : text;
  } catch {
    // Nested deeper than the stack goes.
    return null;
  }
};

/** The first output's values, where it has one a row. */
const predictedOf = (response: string | null): string | null => {
  const values = outputsOf(response).get('prediction');
  return values === undefined || values === 'hidden' || values.length > mostPredicted
    ? null
    : JSON.stringify(values);
};

/** A record as a row; undefined if it isn't one. Throws nothing. */
export const rowOf = (given: unknown, mostBytes: number): PredictionRow | undefined => {
  const found = record.safeParse(given);
  if (!found.success) return undefined;
  const { requestId, fallbackFrom, latencyMs, request: sent, response: answered, ...rest } = found.data;
  const [request, response] = [bodyOf(sent, mostBytes), bodyOf(answered, mostBytes)];
  const answers = rest.status < 300;
  return {
    ...rest,
    request_id: requestId,
    fallback_from: fallbackFrom,
    milliseconds: latencyMs,
    request,
    response,
    octets: 200 + (request?.length ?? 0) + (response?.length ?? 0),
    rows: answers ? rowsOf(inputsOf(request)) : 0,
    predicted: answers ? predictedOf(response) : null,
  };
};
