import type { EnvironmentInput } from '../../platform/spec.ts';
import { environmentError } from './mistakes.ts';

/** Every choice of every field of an environment. */
export type Choices = { readonly [Field in keyof EnvironmentInput]?: readonly EnvironmentInput[Field][] };
type Field = keyof EnvironmentInput;
/** Two fields and the number of each one's choice. */
export type Pair = readonly [Field, number, Field, number];

export const pairsOf = (choices: Choices): readonly Pair[] => {
  const fields = Object.keys(choices) as Field[];
  const numbers = (field: Field): readonly number[] => [...(choices[field] ?? []).keys()];
  return fields.flatMap((first, index) =>
    fields
      .slice(index + 1)
      .flatMap((second) =>
        numbers(first).flatMap((one) => numbers(second).map((other): Pair => [first, one, second, other])),
      ),
  );
};

/** The environment that makes these choices and leaves the rest to `base`. */
export const choose = (
  base: EnvironmentInput,
  choices: Choices,
  chosen: ReadonlyMap<Field, number>,
): EnvironmentInput => ({
  ...base,
  ...Object.fromEntries([...chosen].map(([field, number]) => [field, choices[field]?.[number]])),
});

/**
 * A few accepted environments in which every one of the pairs stands at least once: each begins with a pair that none
 * has yet, and then makes those choices of the other fields that bring most of the missing ones.
 */
export const covering = (
  base: EnvironmentInput,
  choices: Choices,
  pairs: readonly Pair[],
): readonly EnvironmentInput[] => {
  const missing = new Set(pairs.map(String));
  const rows: EnvironmentInput[] = [];
  for (const pair of pairs) {
    if (!missing.has(String(pair))) continue;
    const [first, one, second, other] = pair;
    const chosen = new Map<Field, number>([
      [first, one],
      [second, other],
    ]);
    const gain = (field: Field, number: number): number => {
      const together = new Map([...chosen, [field, number] as const]);
      return pairs.filter(
        (each) =>
          missing.has(String(each)) && has(together, each) && (each[0] === field || each[2] === field),
      ).length;
    };
    for (const field of Object.keys(choices) as Field[]) {
      if (chosen.has(field)) continue;
      const numbers = [...(choices[field] ?? []).keys()].map((number) => ({
        number,
        gain: gain(field, number),
      }));
      const fitting = numbers
        .toSorted((a, b) => b.gain - a.gain)
        .find(({ number }) => {
          const together = new Map([...chosen, [field, number] as const]);
          return environmentError('pair', choose(base, choices, together)) === undefined;
        });
      if (fitting !== undefined) chosen.set(field, fitting.number);
    }
    for (const each of pairs) if (has(chosen, each)) missing.delete(String(each));
    rows.push(choose(base, choices, chosen));
  }
  return rows;
};

const has = (chosen: ReadonlyMap<Field, number>, [first, one, second, other]: Pair): boolean =>
  chosen.get(first) === one && chosen.get(second) === other;
