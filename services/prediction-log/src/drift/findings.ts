import type { Subject } from '../store/predictions.ts';
import type { Finding } from '../store/windows.ts';

const keyOf = ({ team, model, version }: Subject): string => JSON.stringify([team, model, version]);

/** Findings older than this are forgotten, as whoever starts doesn't read them any more. */
export const keptDays = 7;

/**
 * What was last found of each version. Whether a version still serves shows in its being asked: one that nobody asks
 * misleads nobody, and what was found of it says nothing of the version that took its place.
 */
export class Findings {
  readonly staleMinutes: number;
  /** By version, then by kind. */
  readonly #found = new Map<string, Map<string, Finding>>();
  /** When each was last asked, in milliseconds. */
  readonly #asked = new Map<string, number>();

  constructor(staleMinutes: number) {
    this.staleMinutes = staleMinutes;
  }

  /** A field that said nothing this time keeps what it was last found to be. */
  add(finding: Finding): void {
    const key = keyOf(finding);
    const kinds = this.#found.get(key) ?? new Map<string, Finding>();
    const before = kinds.get(finding.kind)?.scores;
    kinds.set(finding.kind, { ...finding, scores: { ...before, ...finding.scores } });
    this.#found.set(key, kinds);
  }

  asked(subjects: readonly Subject[], at: number): void {
    for (const subject of subjects) this.#asked.set(keyOf(subject), at);
  }

  forget(subject: Subject): void {
    this.#found.delete(keyOf(subject));
  }

  /** Of versions that have been asked lately. One that is asked again says again what its last window found. */
  current(now: number): readonly Finding[] {
    for (const [key, at] of this.#asked)
      if (now - at > keptDays * 86_400_000) {
        this.#asked.delete(key);
        this.#found.delete(key);
      }
    return [...this.#found].flatMap(([key, kinds]) =>
      now - (this.#asked.get(key) ?? 0) <= this.staleMinutes * 60_000 ? [...kinds.values()] : [],
    );
  }
}
