import { readFileSync } from 'node:fs';

/** Files of files/, by name. */
export const scripts = (...names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    names.map((name) => [name, readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8')]),
  );
