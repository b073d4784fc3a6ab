import { EnvironmentError, parseEnvironment } from '../../platform/spec.ts';

/** Why an environment is refused; undefined for one that is accepted. */
export const environmentError = (name: string, input: unknown): EnvironmentError | undefined => {
  try {
    parseEnvironment(name, input);
    return undefined;
  } catch (error) {
    if (error instanceof EnvironmentError) return error;
    throw error;
  }
};

/** What an environment is refused with, line by line; nothing for one that is accepted. */
export const mistakesIn = (name: string, input: unknown): readonly string[] =>
  environmentError(name, input)?.message.split('\n') ?? [];
