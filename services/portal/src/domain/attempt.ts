import { Unanswered } from '../upstreams/client.ts';

/** What a section shows: what was asked for, or a sentence about why it isn't there. */
export type Attempt<T> =
  | { readonly kind: 'there'; readonly value: T }
  | { readonly kind: 'missing'; readonly why: string };

/** A failure of somebody else's is a note on the page; one of ours is a failure. */
export const attempt = async <T>(ask: () => Promise<T>): Promise<Attempt<T>> => {
  try {
    return { kind: 'there', value: await ask() };
  } catch (error) {
    if (error instanceof Unanswered) return { kind: 'missing', why: error.message };
    throw error;
  }
};

/** What was there of several, and why the rest wasn't, each reason once. */
export const gathered = <T>(
  attempts: readonly Attempt<T>[],
): { readonly values: readonly T[]; readonly notes: readonly string[] } => ({
  values: attempts.flatMap((each) => (each.kind === 'there' ? [each.value] : [])),
  notes: [...new Set(attempts.flatMap((each) => (each.kind === 'missing' ? [each.why] : [])))],
});
