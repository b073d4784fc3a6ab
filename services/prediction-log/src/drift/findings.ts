import type { Subject } from '../store/predictions.ts';
import type { Finding, FindingKind } from '../store/windows.ts';

const keyOf = ({ team, model, version }: Subject): string => JSON.stringify([team, model, version]);

/** Findings older than this are forgotten, as whoever starts doesn't read them any more. */
export const keptDays = 7;

/** Of one version. Times are in milliseconds. */
interface Known {
  asked: number;
  /** When it was last asked, or something was found of it: labels may come when nobody asks it any more. */
  last: number;
  /** By kind. */
  readonly found: Map<FindingKind, Finding>;
}

/**
 * What was last found of each version. Whether a version still serves shows in its being asked: one that nobody asks
 * misleads nobody, and what was found of it says nothing of the version that took its place.
 */
export class Findings {
  readonly staleMinutes: number;
  readonly #known = new Map<string, Known>();

  constructor(staleMinutes: number) {
    this.staleMinutes = staleMinutes;
  }

  /** Found at that time, in milliseconds. A field that said nothing this time keeps what it was last found to be. */
  add(finding: Finding, at: number): void {
    const known = this.#of(finding);
    const before = known.found.get(finding.kind)?.scores;
    known.found.set(finding.kind, { ...finding, scores: { ...before, ...finding.scores } });
    known.last = Math.max(known.last, at);
  }

  asked(subjects: readonly Subject[], at: number): void {
    for (const subject of subjects) {
      const known = this.#of(subject);
      known.asked = at;
      known.last = Math.max(known.last, at);
    }
  }

  forget(subject: Subject): void {
    this.#known.get(keyOf(subject))?.found.clear();
  }

  /** Of versions that have been asked lately. One that is asked again says again what its last window found. */
  current(now: number): readonly Finding[] {
    for (const [key, { last }] of this.#known)
      if (now - last > keptDays * 86_400_000) this.#known.delete(key);
    return [...this.#known.values()].flatMap(({ asked, found }) =>
      now - asked <= this.staleMinutes * 60_000 ? [...found.values()] : [],
    );
  }

  #of(subject: Subject): Known {
    const key = keyOf(subject);
    const known = this.#known.get(key) ?? { asked: 0, last: 0, found: new Map() };
    this.#known.set(key, known);
    return known;
  }
}
