/** What tests came to: counts, the names and first lines of failures, and how long it took. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
  /** What was left out, and why where that is known. */
  readonly skipped: readonly string[];
  readonly seconds: number;
  /** Of jest's tests: the files in which something failed, and how many tests passed in the others. */
  readonly again?: { readonly files: readonly string[]; readonly passedElsewhere: number };
  /** What failed first and passed when it ran again. */
  readonly unsteady?: readonly string[];
}

export type Counted = Omit<Outcome, 'seconds'>;

/** Parts of one stage, added up. Where one doesn't know which files failed, all of them run again. */
export const together = (parts: readonly Counted[]): Counted => {
  const sum = (of: (part: Counted) => number): number => parts.reduce((total, part) => total + of(part), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    failures: parts.flatMap(({ failures }) => failures),
    skipped: parts.flatMap(({ skipped }) => skipped),
    ...(parts.every(({ again }) => again !== undefined)
      ? {
          again: {
            files: parts.flatMap(({ again }) => again?.files ?? []),
            passedElsewhere: sum(({ again }) => again?.passedElsewhere ?? 0),
          },
        }
      : {}),
  };
};
