/** Marks what was made from the file. Only that is ever changed or removed. */
export const mark = 'plinth.owned';

/** Whether a thing with attributes of one or several values carries the mark. */
export const isOwned = (thing: {
  readonly attributes?: Record<string, string | string[] | undefined> | undefined;
}): boolean => [thing.attributes?.[mark]].flat().includes('true');

/** Whether every field of `wanted` has that value in `present`, fields within fields too; lists of text in any order. */
export const holds = (present: unknown, wanted: unknown): boolean => {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(present) || present.length !== wanted.length) return false;
    if (wanted.every((each) => typeof each === 'string')) {
      const sorted = [...present].sort();
      return [...wanted].sort().every((each, index) => each === sorted[index]);
    }
    return wanted.every((each, index) => holds(present[index], each));
  }
  if (typeof wanted === 'object' && wanted !== null)
    return (
      typeof present === 'object' &&
      present !== null &&
      Object.entries(wanted).every(([key, value]) => holds(Reflect.get(present, key), value))
    );
  return present === wanted;
};
