import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MlflowInstance, ModelVersion, Run, Tags } from './instance.ts';
import { digestOf, type Lineage, LineageError, lineageOf, tag } from './lineage.ts';

export interface PromotionOptions {
  readonly model: string;
  readonly version: string;
  readonly from: MlflowInstance;
  readonly to: MlflowInstance;
  /** Set on the new version; the promoter there begins its rollout. */
  readonly alias?: string;
  /** Reads and checks, and changes nothing. */
  readonly dryRun: boolean;
  readonly say: (line: string) => void;
}

export interface Promotion {
  /** The version's number in the target; undefined after a dry run that found none. */
  readonly version: string | undefined;
  readonly digest: string;
  readonly lineage: Lineage;
  /** False if the target had the same bytes already. */
  readonly created: boolean;
}

/** What a run keeps for others than its author: packages, and the baseline that drift is measured by. */
const runFolder = 'plinth';

/**
 * Takes a version from one MLflow's registry to another's: the same bytes, with the run, git revision and data
 * version they come from. A version without them is refused (`LineageError`), and one whose bytes aren't those of
 * its recorded digest. The version is made last, after its files were read back: a promotion that fails leaves a
 * failed run behind, and no version. Repeating one changes nothing.
 */
export const promote = async (options: PromotionOptions): Promise<Promotion> => {
  const { model, version, from, to, dryRun, say } = options;
  const found = await from.version(model, version);
  const what = from.describe(model, version);
  if (!found.ready) throw new LineageError(`${what} isn't ready yet`);
  const run = found.runId === undefined ? undefined : await from.run(found.runId);
  const lineage = lineageOf(what, found, run);
  say(`${what}: run ${lineage.run}, revision ${lineage.revision}, data ${lineage.data}`);
  const folder = await mkdtemp(join(tmpdir(), 'plinth-promote-'));
  try {
    const location = await from.location(model, version);
    const files = await download(from, location, join(folder, 'source'), say);
    if (files.length === 0) throw new LineageError(`${what} has no files`);
    const digest = await digestOf(join(folder, 'source'), files);
    const recorded = found.tags[tag.digest];
    if (recorded !== undefined && recorded !== digest)
      throw new LineageError(
        `${what} isn't what was promoted to it: its files have the digest ${digest}, recorded is ${recorded} (tag ${tag.digest})`,
      );
    say(`${files.length} files, ${digest}`);
    const known = (await to.versions(model)).find((each) => each.tags[tag.digest] === digest);
    if (known !== undefined) say(`${to.describe(model, known.version)} has these bytes already`);
    else if (dryRun) say(`nothing was changed: a dry run`);
    const number =
      known?.version ??
      (dryRun ? undefined : await copy({ ...options, found, run, lineage, digest, files, folder }));
    if (number !== undefined && options.alias !== undefined && !dryRun) {
      await to.setAlias(model, options.alias, number);
      say(`${options.alias} is version ${number}`);
    }
    return { version: number, digest, lineage, created: known === undefined && !dryRun };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

interface Copy extends PromotionOptions {
  readonly found: ModelVersion;
  readonly run: Run | undefined;
  readonly lineage: Lineage;
  readonly digest: string;
  readonly files: readonly string[];
  /** Holds the files in `source`. */
  readonly folder: string;
}

const copy = async (options: Copy): Promise<string> => {
  const { model, version, from, to, found, run, lineage, digest, files, folder, say } = options;
  const origin: Tags = {
    [tag.source]: from.describe(model, version),
    [tag.run]: lineage.run,
    [tag.revision]: lineage.revision,
    [tag.data]: lineage.data,
    [tag.digest]: digest,
  };
  const experiment = await to.experiment(`promoted/${model}`);
  const target = await to.startRun(experiment, `${model} ${version}`, origin);
  try {
    if (run !== undefined) {
      await to.logRun(target.id, run);
      await copyRunFolder(options, run, target.artifacts);
    }
    const logged = await to.startModel(experiment, target.id, model);
    for (const file of files) await to.upload(logged.artifacts, file, join(folder, 'source'));
    await to.endModel(logged.id);
    const arrived = join(folder, 'arrived');
    const copied = await digestOf(arrived, await download(to, logged.artifacts, arrived, () => undefined));
    if (copied !== digest)
      throw new Error(`${to.url} gives back other bytes than it was given: ${copied}, expected ${digest}`);
    const own = Object.fromEntries(
      Object.entries(found.tags).filter(([key]) => !key.startsWith('plinth.') && !key.startsWith('mlflow.')),
    );
    const number = await to.register(model, {
      modelId: logged.id,
      runId: target.id,
      description: found.description,
      tags: { ...own, ...origin },
    });
    await to.endRun(target.id, 'FINISHED');
    say(`${to.describe(model, number)} is made`);
    return number;
  } catch (error) {
    // What failed is told; that the run's end can't be told as well is no news.
    await to.endRun(target.id, 'FAILED').catch(() => undefined);
    throw error;
  }
};

const copyRunFolder = async (
  { from, to, folder }: Copy,
  { artifacts }: Run,
  target: string,
): Promise<void> => {
  if (artifacts === undefined) return;
  const kept = join(folder, 'run');
  for (const file of await from.files(artifacts, runFolder)) {
    await from.download(artifacts, file, kept);
    await to.upload(target, file, kept);
  }
};

const download = async (
  instance: MlflowInstance,
  location: string,
  folder: string,
  say: (line: string) => void,
): Promise<readonly string[]> => {
  const files = await instance.files(location);
  for (const [index, file] of files.entries()) {
    say(`file ${index + 1} of ${files.length}: ${file}`);
    await instance.download(location, file, folder);
  }
  return files;
};
