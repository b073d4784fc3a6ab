import type { z } from 'zod';

/** One thing that is wrong with an environment, at the field where it is to be mended. */
export interface Mistake {
  /** Dotted path of the field, empty for the whole file. */
  readonly path: string;
  readonly got: string;
  readonly expected: string;
  readonly mend: string;
}

/** Everything that is wrong with one environment, at once. Entry points print it and exit with 2. */
export class EnvironmentError extends Error {
  readonly file: string;
  readonly mistakes: readonly Mistake[];

  constructor(file: string, mistakes: readonly Mistake[]) {
    const lines = mistakes.map(
      ({ path, got, expected, mend }) =>
        `${file}: ${path || '(whole file)'}: got ${got}, expected ${expected}, ${mend}`,
    );
    super(lines.join('\n'));
    this.name = 'EnvironmentError';
    this.file = file;
    this.mistakes = mistakes;
  }
}

export const show = (value: unknown): string =>
  value === undefined ? 'nothing' : (JSON.stringify(value)?.slice(0, 80) ?? String(value));

const at = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined),
    input,
  );

/** What is expected, and how to mend it. */
type Advice = readonly [expected: string, mend: string];

const bounds = (issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): Advice => {
  const small = issue.code === 'too_small';
  const limit = small ? issue.minimum : issue.maximum;
  const least = `${small ? 'at least' : 'at most'} ${limit}`;
  switch (issue.origin) {
    case 'string':
      return [`text of ${least} character${limit === 1 ? '' : 's'}`, small ? 'fill it in' : 'shorten it'];
    case 'array':
      return [`${least} entr${limit === 1 ? 'y' : 'ies'}`, small ? 'add one' : 'remove some'];
    default:
      return [
        `a number ${issue.inclusive === false ? `${small ? 'above' : 'below'} ${limit}` : `of ${least}`}`,
        small ? 'raise it' : 'lower it',
      ];
  }
};

/** What each type of the schema is to somebody who edits the file. */
const types: Readonly<Record<string, Advice>> = {
  string: ['text', 'write it in quotes'],
  number: ['a number', 'write digits, without quotes and without a unit'],
  int: ['a whole number', 'write it without a fraction'],
  boolean: ['true or false', 'write one of them, without quotes'],
  array: ['a list', 'write it in [ ]'],
  object: ['an object', 'write it in { }'],
  record: ['an object', 'write it in { }'],
};

const kinds = (issue: z.core.$ZodIssueInvalidUnion): string => {
  const options = (issue as { options?: readonly unknown[] }).options ?? [];
  return options.length > 0 ? `one of ${options.map(show).join(', ')}` : 'one of the documented forms';
};

/** Says a schema's complaint in the words of somebody who edits the file. */
export const mistakesOf = (issues: readonly z.core.$ZodIssue[], input: unknown): readonly Mistake[] =>
  issues.flatMap((issue): readonly Mistake[] => {
    const path = issue.path.map(String).join('.');
    const got = show(at(input, issue.path));
    const mistake = (expected: string, mend: string): Mistake[] => [{ path, got, expected, mend }];
    // The schema's own words, of whatever they complain; zod's own for a union have such a line as well.
    const [own = '', advice] = issue.code === 'invalid_union' ? [] : issue.message.split(' | ');
    if (advice !== undefined) return mistake(own, advice);
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => ({
          path: [path, key].filter(Boolean).join('.'),
          got: show(at(input, [...issue.path, key])),
          expected: 'no such field',
          mend: 'remove it, or check its spelling',
        }));
      case 'invalid_type': {
        const [expected, mend] = types[issue.expected] ?? [issue.expected, 'change it'];
        return mistake(expected, got === 'nothing' ? 'add it' : mend);
      }
      case 'invalid_value':
        return mistake(issue.values.map(show).join(' or '), 'choose one of these');
      case 'too_small':
      case 'too_big':
        return mistake(...bounds(issue));
      case 'invalid_union':
        return mistake(kinds(issue), `choose one${issue.discriminator ? ` as ${issue.discriminator}` : ''}`);
      default:
        return mistake(issue.message, 'change it');
    }
  });
