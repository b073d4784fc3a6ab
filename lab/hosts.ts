import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';

const begin = '# plinth lab: begin (make down removes this block)';
const end = '# plinth lab: end';

/**
 * The text of a hosts file with exactly the given names in our marked block; without names, without the block.
 * Every other line keeps its bytes and its place.
 */
export const withHostsBlock = (text: string, address: string, names: readonly string[]): string => {
  const lines = text.split('\n');
  const kept: string[] = [];
  let inside = false;
  for (const line of lines) {
    if (line === begin) inside = true;
    else if (inside && line === end) inside = false;
    else if (!inside) kept.push(line);
  }
  // A block whose end is missing was cut by hand: what followed its begin may be anybody's.
  if (inside) throw new Error(`the block "${begin}" has no line "${end}"; remove it by hand, then try again`);
  if (names.length === 0) return kept.join('\n');
  const block = [begin, ...names.toSorted().map((name) => `${address}\t${name}`), end];
  const endsWithNewline = kept.at(-1) === '';
  const body = endsWithNewline ? kept.slice(0, -1) : kept;
  return [...body, ...block, ''].join('\n');
};

/** Rewrites the hosts file when its block isn't what it should be. */
export const setHosts = (names: readonly string[], address = '127.0.0.1', file = '/etc/hosts'): void => {
  const fresh = `${file}.plinth`;
  // A run that was killed may have left it.
  rmSync(fresh, { force: true });
  const before = readFileSync(file, 'utf8');
  const after = withHostsBlock(before, address, names);
  if (after === before) return;
  writeFileSync(fresh, after, { mode: statSync(file).mode });
  try {
    renameSync(fresh, file);
  } catch {
    // A container's hosts file is a mount of its own and can only be written in place.
    rmSync(fresh, { force: true });
    writeFileSync(file, after);
  }
};
