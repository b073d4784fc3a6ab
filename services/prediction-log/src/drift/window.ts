import type { Baseline, FieldBaseline } from './baseline.ts';
import { type Columns, inputsOf, outputsOf, type Value } from './columns.ts';
import { compare, type Score } from './statistics.ts';

type Fields = Readonly<Record<string, FieldBaseline>>;

/** Values of a window, by field of the baseline: numbers and names, not bodies. */
export class WindowColumns {
  readonly #baseline: Baseline;
  readonly #features: Map<string, Value[]>;
  readonly #predictions: Map<string, Value[]>;

  constructor(baseline: Baseline) {
    this.#baseline = baseline;
    this.#features = empty(baseline.features);
    this.#predictions = empty(baseline.predictions);
  }

  /** A field that isn't in the request is missing in each of its rows; one that was hidden, and an answer too large to keep, say nothing. */
  add(request: string | null, response: string | null, rows: number): void {
    append(this.#features, inputsOf(request), rows);
    if (response !== null) append(this.#predictions, outputsOf(response), rows);
  }

  /** Scores by field; a prediction whose name is a feature's too is `<name> (predicted)`. */
  scores(): Readonly<Record<string, readonly Score[]>> {
    const { features, predictions } = this.#baseline;
    const found = [
      ...scored(features, this.#features),
      ...scored(predictions, this.#predictions).map(
        ([name, scores]) => [Object.hasOwn(features, name) ? `${name} (predicted)` : name, scores] as const,
      ),
    ];
    return Object.fromEntries(found);
  }
}

const empty = (fields: Fields): Map<string, Value[]> =>
  new Map(Object.keys(fields).map((name) => [name, []]));

const append = (into: Map<string, Value[]>, columns: Columns, rows: number): void => {
  for (const [name, values] of into) {
    const column = columns.get(name);
    if (column === 'hidden') continue;
    for (let row = 0; row < rows; row += 1) values.push(column?.[row] ?? null);
  }
};

const scored = (
  fields: Fields,
  window: ReadonlyMap<string, readonly Value[]>,
): readonly (readonly [string, readonly Score[]])[] =>
  Object.entries(fields)
    .map(([name, field]) => [name, compare(field, window.get(name) ?? [])] as const)
    .filter(([, scores]) => scores.length > 0);
