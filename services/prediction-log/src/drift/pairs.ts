import type { Baseline } from './baseline.ts';
import type { Value } from './columns.ts';
import { answerOf } from './statistics.ts';

export type Pair = readonly [predicted: Value, label: Value];

const listOf = (text: string | null): readonly Value[] => {
  const values: unknown = text === null ? [] : JSON.parse(text);
  return (Array.isArray(values) ? values : []).map((value) =>
    typeof value === 'boolean' ? String(value) : value,
  );
};

/** Each row's prediction with its label; labels of another number than the predictions say nothing. */
export const pairsOf = (predicted: string | null, label: string): readonly Pair[] => {
  const [answers, labels] = [listOf(predicted), listOf(label)];
  if (answers.length !== labels.length) return [];
  return answers
    .map((answer, index) => [answer, labels[index] ?? null] as const)
    .filter(([answer, truth]) => answer !== null && truth !== null);
};

/** What labels say of predictions. Of a model of numbers how far off they were, of another how many were wrong. */
export interface Tally {
  readonly rows: number;
  readonly wrong: number;
  /** Sum of absolute errors. */
  readonly error: number;
}

export const tallyOf = (kind: NonNullable<Baseline['quality']>['kind'], pairs: readonly Pair[]): Tally => {
  if (kind === 'accuracy') {
    const wrong = pairs.filter(([predicted, label]) => answerOf(predicted) !== answerOf(label)).length;
    return { rows: pairs.length, wrong, error: 0 };
  }
  const errors = pairs.flatMap(([predicted, label]) =>
    typeof predicted === 'number' && typeof label === 'number' ? [Math.abs(predicted - label)] : [],
  );
  return { rows: errors.length, wrong: 0, error: errors.reduce((sum, error) => sum + error, 0) };
};
