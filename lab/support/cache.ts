import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { discard } from './discard.ts';
import { withLock } from './lock.ts';

/** Where built things are kept for every checkout of this user: $XDG_CACHE_HOME/plinth, else ~/.cache/plinth. */
export const cacheRoot = (): string => {
  const base = process.env['XDG_CACHE_HOME'];
  // The base directory specification: a relative value is invalid and must be ignored.
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'plinth');
};

/**
 * Builds into a temporary sibling folder under a lock between processes and renames it when whole, so a half-built
 * one is never seen and the leftovers of a killed build are cleared by the next. `key` must name everything the
 * result depends on. Resolves to the finished folder; rejects with what the build rejected with.
 */
export const cached = async (
  kind: string,
  key: string,
  build: (folder: string) => Promise<void>,
): Promise<string> => {
  const parent = join(cacheRoot(), kind);
  const finished = join(parent, key);
  if (existsSync(finished)) return finished;
  return withLock(join(parent, `.${key}.lock`), async () => {
    if (existsSync(finished)) return finished;
    const unfinished = join(parent, `.${key}.unfinished`);
    // Containerd mounts what it unpacks, and one that was killed leaves that.
    await discard(unfinished);
    mkdirSync(unfinished, { recursive: true });
    try {
      await build(unfinished);
    } catch (error) {
      await discard(unfinished);
      throw error;
    }
    renameSync(unfinished, finished);
    return finished;
  });
};

/** A short key of the content of files and folders (sorted, with their relative names) and of further words. */
export const contentKey = (paths: readonly string[], words: readonly string[] = []): string => {
  const hash = createHash('sha256');
  const add = (path: string, name: string): void => {
    if (!statSync(path).isDirectory()) hash.update(`${name}\0`).update(readFileSync(path)).update('\0');
    else for (const child of readdirSync(path).toSorted()) add(join(path, child), `${name}/${child}`);
  };
  for (const [index, path] of paths.entries()) add(path, String(index));
  for (const word of words) hash.update(`${word}\0`);
  return hash.digest('hex').slice(0, 16);
};
