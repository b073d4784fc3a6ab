import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ModelVersion, Run, Tags } from './instance.ts';

/** Tags by which a version tells where it comes from; the first two are set by `plinth.track()`. */
export const tag = {
  revision: 'mlflow.source.git.commit',
  data: 'plinth.data.version',
  dirty: 'plinth.git.dirty',
  digest: 'plinth.digest',
  run: 'plinth.promoted.run',
  source: 'plinth.promoted.source',
} as const;

export interface Lineage {
  readonly run: string;
  readonly revision: string;
  readonly data: string;
}

/** A version that nobody could make again; the message says all that is missing. */
export class LineageError extends Error {}

/** Which run, code and data a version was made by. Throws `LineageError` with everything that isn't known. */
export const lineageOf = (what: string, version: ModelVersion, run: Run | undefined): Lineage => {
  const found: Tags = { ...run?.tags, ...version.tags };
  const missing = [
    ...(version.runId === undefined || run === undefined
      ? ['a run: log the model inside of one, with plinth.track()']
      : []),
    ...(found[tag.revision]
      ? []
      : [`a git revision (tag ${tag.revision}): plinth.track() records it in a checkout`]),
    ...(found[tag.dirty] === 'true'
      ? [`code that is committed: its checkout had changes (tag ${tag.dirty})`]
      : []),
    ...(found[tag.data] ? [] : [`a data version (tag ${tag.data}): plinth.track(..., data=...)`]),
  ];
  if (missing.length > 0)
    throw new LineageError([`${what} isn't promoted; it lacks`, ...missing].join('\n  '));
  return {
    // A version that came from elsewhere keeps the run that made it.
    run: found[tag.run] ?? version.runId ?? '',
    revision: found[tag.revision] ?? '',
    data: found[tag.data] ?? '',
  };
};

const fileDigest = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
};

/**
 * One digest of many files: `sha256:` and the SHA-256 of what `sha256sum` prints for them in the order of their
 * paths' bytes, so that anybody can compute it: `find -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`.
 */
export const digestOf = async (folder: string, files: readonly string[]): Promise<string> => {
  const hash = createHash('sha256');
  for (const file of files.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    hash.update(`${await fileDigest(join(folder, file))}  ${file}\n`);
  return `sha256:${hash.digest('hex')}`;
};
