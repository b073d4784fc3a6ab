/** Generations of credentials, by `<owner>/<role>`. */
export type Generations = Readonly<Record<string, number>>;

export interface GenerationPlanProps {
  /** Of every credential that the environment has a use for. */
  readonly current: Generations;
  /** As the last update left them: the stack's output `generations`. */
  readonly previous: Generations;
  /** Where the environment is written, for messages. */
  readonly file: string;
}

export interface GenerationPlan {
  /** What the next update reads: of what isn't used any more, the last generation that was. */
  readonly records: Generations;
  readonly refusals: readonly string[];
}

/**
 * A credential may keep its generation or get the next one: whoever checks it knows the present one and the one before,
 * so that any other step would lock out what uses it. One without a record has any, for nothing checks it yet or
 * nothing was recorded then. What was switched off or removed goes on from where it was: its login, its key or its
 * account may be there still.
 */
export const planGenerations = ({ current, previous, file }: GenerationPlanProps): GenerationPlan => ({
  records: { ...previous, ...current },
  refusals: Object.entries(current).flatMap(([name, got]) => {
    const before = previous[name] ?? got;
    return got === before || got === before + 1
      ? []
      : [
          `generations.${name}: got ${got}, expected ${before} or ${before + 1}, because what checks it knows no other ` +
            `than the present one and the next; write one of them in ${file}`,
        ];
  }),
});
