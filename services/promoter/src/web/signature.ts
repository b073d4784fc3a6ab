import { createHmac, timingSafeEqual } from 'node:crypto';

export interface Delivery {
  readonly id: string;
  /** When it was sent, in milliseconds. */
  readonly at: number;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Older, or further ahead, than this is nothing that MLflow sends. */
const longest = 5 * 60_000;

const only = (header: string | string[] | undefined): string | undefined =>
  typeof header === 'string' ? header : undefined;

/** The delivery that the headers and the body prove MLflow sent; a word for why not otherwise. */
export const verified = (
  headers: Headers,
  body: Buffer,
  secret: string,
  now: number,
): Delivery | 'no signature' | 'wrong signature' | 'too old' => {
  const id = only(headers['x-mlflow-delivery-id']);
  const timestamp = only(headers['x-mlflow-timestamp']);
  const signature = only(headers['x-mlflow-signature']);
  if (!id || id.length > 200 || !timestamp || !signature) return 'no signature';
  const expected = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64');
  const given = Buffer.from(signature);
  const wanted = Buffer.from(`v1,${expected}`);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return 'wrong signature';
  const at = Number(timestamp) * 1000;
  if (!Number.isFinite(at) || Math.abs(now - at) > longest) return 'too old';
  return { id, at };
};
