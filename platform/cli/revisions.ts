import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { RenderedObject } from './compare.ts';

const execute = promisify(execFile);
const most = { maxBuffer: 256 * 1024 * 1024 };

export const root = join(import.meta.dirname, '../..');

/** What a revision renders to, by environment. */
export type Rendering = ReadonlyMap<string, readonly RenderedObject[]>;

/** The revision can't be read or rendered; the message says which, and what the command said. */
export class RevisionError extends Error {}

const outputOf = (error: unknown): string => {
  const { stderr = '', message = String(error) } = error as { stderr?: string; message?: string };
  const lines = (stderr || message).trim().split('\n');
  // Node.js prints the line of code first; what is wrong comes after it.
  const said = lines.findIndex((line) => /^\w*Error\b/.test(line));
  return (said < 0 ? lines.slice(-8) : lines.slice(said, said + 8)).join('\n');
};

const node = async (tree: string, ...args: readonly string[]): Promise<void> => {
  await execute(process.execPath, args, { cwd: tree, ...most });
};

const readObjects = (folder: string): readonly RenderedObject[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .flatMap((file) =>
      parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map(
        (document) => document.toJS() as RenderedObject,
      ),
    );

/** Renders every environment of a tree into a folder outside it. */
const render = async (tree: string, out: string, what: string): Promise<Rendering> => {
  try {
    await node(tree, 'platform/synth.ts', '--all', '--out', out);
  } catch (error) {
    throw new RevisionError(`${what} can't be rendered:\n${outputOf(error)}`);
  }
  return new Map(readdirSync(out).map((name) => [name, readObjects(join(out, name))]));
};

const unpack = async (revision: string, tree: string): Promise<void> => {
  const archive = join(tree, '..', 'base.tar');
  await execute('git', ['archive', '--format=tar', `--output=${archive}`, revision], { cwd: root, ...most });
  mkdirSync(tree, { recursive: true });
  await execute('tar', ['-xf', archive, '-C', tree], most);
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
};

/**
 * Renders this checkout as it is, uncommitted changes included, and another revision with this checkout's packages.
 * A base from before there was anything to render is empty.
 */
export const renderRevisions = async (
  base: string,
): Promise<{ readonly before: Rendering; readonly after: Rendering }> => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-diff-'));
  try {
    const { stdout } = await execute('git', ['rev-parse', '--verify', '--quiet', `${base}^{commit}`], {
      cwd: root,
    }).catch(() => {
      throw new RevisionError(`no commit ${base} in this repository; name a branch, a tag or a commit`);
    });
    const tree = join(folder, 'base');
    mkdirSync(tree);
    await unpack(stdout.trim(), tree);
    const both = await Promise.all([
      (async (): Promise<Rendering> => {
        if (!existsSync(join(tree, 'platform/synth.ts'))) return new Map();
        if (existsSync(join(tree, 'scripts/imports.ts'))) await node(tree, 'scripts/imports.ts');
        return render(tree, join(folder, 'before'), base);
      })(),
      render(root, join(folder, 'after'), 'this checkout'),
    ]);
    return { before: both[0], after: both[1] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
