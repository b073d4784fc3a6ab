import { type Catalogue, catalogueProblems, type ImageException } from './index.ts';

export interface EndOfLifeReport {
  readonly failures: readonly string[];
  readonly warnings: readonly string[];
}

const warningDays = 30;

const later = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);

/**
 * What each environment runs past its end of life on `today` (YYYY-MM-DD), and what it will within 30 days. Synthesis
 * compares with the catalogue's `asOf` instead, so a passing day changes no manifest but does fail `make check`.
 */
export const endOfLifeReport = (
  today: string,
  exceptionsOf: Readonly<Record<string, readonly ImageException[]>>,
  catalogue?: Catalogue,
): EndOfLifeReport => {
  const failures: string[] = [];
  const warnings: string[] = [];
  const checked = catalogue === undefined ? {} : { catalogue };
  for (const [environment, exceptions] of Object.entries(exceptionsOf)) {
    const now = catalogueProblems({ exceptions, today, ...checked });
    const soon = catalogueProblems({ exceptions, today: later(today, warningDays), ...checked });
    failures.push(...now.map((problem) => `${environment}: ${problem}`));
    // A problem names the day that it was compared with: those of today are told apart by their image.
    const known = new Set(now.map(subjectOf));
    warnings.push(
      ...soon.filter((problem) => !known.has(subjectOf(problem))).map((p) => `${environment}: soon: ${p}`),
    );
  }
  return { failures, warnings };
};

const subjectOf = (problem: string): string => problem.slice(0, problem.indexOf(':'));
