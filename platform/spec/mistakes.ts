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

const bounds = (issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string => {
  const limit = issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
  switch (issue.origin) {
    case 'string':
      return `text of ${limit} characters`;
    case 'array':
      return `${limit} entries`;
    default:
      return `a number of ${limit}`;
  }
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
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => ({
          path: [path, key].filter(Boolean).join('.'),
          got: show(at(input, [...issue.path, key])),
          expected: 'no such field',
          mend: 'remove it, or check its spelling',
        }));
      case 'invalid_type':
        return mistake(
          issue.expected === 'int'
            ? 'a whole number'
            : `${/^[aeo]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`,
          got === 'nothing' ? 'add it' : 'change it',
        );
      case 'invalid_value':
        return mistake(issue.values.map(show).join(' or '), 'choose one of these');
      case 'too_small':
      case 'too_big':
        return mistake(bounds(issue), 'change it');
      case 'invalid_union':
        return mistake(kinds(issue), `choose one${issue.discriminator ? ` as ${issue.discriminator}` : ''}`);
      case 'custom': {
        const [expected = issue.message, mend = 'change it'] = issue.message.split(' | ');
        return mistake(expected, mend);
      }
      default:
        return mistake(issue.message, 'change it');
    }
  });
