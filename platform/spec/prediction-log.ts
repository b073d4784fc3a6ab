import { z } from 'zod';
import type { Mistake } from './mistakes.ts';
import { missing } from './needs.ts';

export const predictionLog = z.discriminatedUnion('kind', [
  /** What models were asked and answered, in their teams' buckets; labels; the watch for drift. */
  z.strictObject({
    kind: z.literal('on'),
    /** Rows that are compared with a model's baseline at a time. */
    windowRows: z.int().min(100).max(100_000).default(500),
    /** What was found of a version that nobody has asked for so long says nothing any more, nor alarms anybody. */
    staleMinutes: z.int().min(1).max(10_080).default(60),
    /** How long after a prediction its label may come. */
    retentionDays: z.int().min(1).max(365).default(30),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);

interface Parts {
  readonly predictionLog: z.output<typeof predictionLog>;
  readonly postgres: { readonly kind: string };
  readonly objectStore: { readonly kind: string };
  readonly identity: { readonly kind: string };
  readonly serving: { readonly kind: string };
  readonly teams: readonly unknown[];
}

/** What the rest of an environment must have for predictions to be logged. */
export const predictionLogMistakes = (environment: Parts): readonly Mistake[] => {
  if (environment.predictionLog.kind === 'off') return [];
  const without = "predictionLog: { kind: 'off' }";
  const needs = {
    postgres: 'predictionLog needs a database',
    objectStore: 'predictionLog needs the buckets of teams',
    identity: 'predictionLog needs an issuer of tokens',
    serving: 'predictionLog needs models to log',
  };
  const mistakes = missing(environment, needs, without);
  if (environment.teams.length > 0) return mistakes;
  const expected = 'at least one team, because predictionLog needs somebody whose models it logs';
  return [...mistakes, { path: 'teams', got: '[]', expected, mend: `add one, or write ${without}` }];
};
