import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { type ImageName, image, imageNames, reference } from '../../constructs/catalogue/index.ts';
import { ensureDebianPackages } from '../support/apt.ts';
import { cacheRoot } from '../support/cache.ts';
import { run } from '../support/exec.ts';
import { withLock } from '../support/lock.ts';
import { Buildah } from './buildah.ts';
import { baseOf, contentOf, contextOf, hasSdk, isBase, sdkFolder } from './content.ts';
import { type MachineSecrets, machineSecrets } from './machine.ts';
import { buildPrograms, hasPrograms } from './programs.ts';

/** An image as a file that `ctr images import`, `docker load` and skopeo read. */
export interface BuiltImage {
  readonly name: ImageName;
  /** What a pod names: `localhost/<repository>:<tag>`. */
  readonly reference: string;
  /** A docker archive. */
  readonly archive: string;
}

export interface EnsureImagesOptions {
  /** A file that the builds' output is appended to. */
  readonly log?: string;
  /** Names of the catalogue; all that a pod may run by default. */
  readonly only?: readonly string[];
  /** Told what is being done, a line at a time. */
  readonly note?: (text: string) => void;
}

/** A base is built for the others' sake; no pod names it. */
const runnable = imageNames.filter((name) => !isBase(name));

/** How many tags of one image stay in the cache: this checkout's, and another one's or the one before. */
const keptTags = 2;

const folderOf = (name: string): string => join(cacheRoot(), 'images', name);
const archiveOf = (name: ImageName): string => join(folderOf(name), `${image(name).tag}.tar`);

/** An image that is being built, or waits for that. */
export interface ComingImage extends BuiltImage {
  /** Resolves when the archive is there; rejects when the builds ended without it. */
  readonly ready: Promise<void>;
}

export interface ComingImages {
  /** In the order in which they come. */
  readonly images: readonly ComingImage[];
  /** The end of `ensureImages`. */
  readonly all: Promise<readonly BuiltImage[]>;
}

/** Does what `ensureImages` does, and lets each image be used as soon as it is there. */
export const comingImages = (options: EnsureImagesOptions = {}): ComingImages => {
  const names = options.only === undefined ? runnable : options.only.map(known);
  const coming = new Map(names.map((name) => [name, Promise.withResolvers<void>()]));
  for (const { promise } of coming.values()) promise.catch(() => undefined);
  const look = (): void => {
    for (const [name, { resolve }] of coming) if (existsSync(archiveOf(name))) resolve();
  };
  const all = ensureImages({
    ...options,
    note: (text) => {
      look();
      options.note?.(text);
    },
  });
  all.then(look, (error) => {
    for (const { reject } of coming.values()) reject(error);
  });
  look();
  const images = [...coming].map(([name, { promise }]) => ({ ...builtImage(name), ready: promise }));
  return { images, all };
};

const builtImage = (name: ImageName): BuiltImage => ({
  name,
  reference: reference(image(name)),
  archive: archiveOf(name),
});

/**
 * Builds those images whose archive isn't in the cache, each once per tag for all checkouts of this user, and resolves
 * to all that were asked for. Rejects on an unknown name, on a stale catalogue, and with the build's last lines.
 */
export const ensureImages = async (options: EnsureImagesOptions = {}): Promise<readonly BuiltImage[]> => {
  const names = options.only === undefined ? runnable : options.only.map(known);
  refuseStale(names);
  const missing = (): readonly ImageName[] =>
    imageNames.filter((name) => names.includes(name) && !existsSync(archiveOf(name)));
  if (missing().length > 0) {
    const lock = join(cacheRoot(), 'images', '.build.lock');
    const waiting = (): void => options.note?.('waiting for another build of images to end');
    await withLock(lock, () => buildAll(missing(), options), waiting);
  }
  const now = new Date();
  // Its age decides what is pruned: what is used is young.
  for (const name of names) utimesSync(archiveOf(name), now, now);
  return names.map(builtImage);
};

const known = (name: string): ImageName => {
  const found = imageNames.find((each) => each === name);
  if (found === undefined) throw new Error(`no image '${name}'; there are ${imageNames.join(', ')}`);
  return found;
};

/** The tag names the content, so an archive under a stale tag would be one image under another's name. */
const refuseStale = (names: readonly ImageName[]): void => {
  const stale = names.filter((name) => !image(name).tag.endsWith(`-${contentOf(name)}`));
  if (stale.length === 0) return;
  throw new Error(
    `images/${stale.join(', images/')}: changed since constructs/catalogue/versions.json was written; run \`make catalogue\``,
  );
};

const buildAll = async (names: readonly ImageName[], options: EnsureImagesOptions): Promise<void> => {
  if (names.length === 0) return;
  if (process.getuid?.() !== 0)
    throw new Error('building images needs root: buildah mounts and changes owners');
  const { log, note = () => undefined } = options;
  await ensureDebianPackages(['buildah', 'mmdebstrap', 'debian-archive-keyring', 'ca-certificates'], log);
  const work = join(cacheRoot(), 'images', '.work');
  const buildah = await Buildah.open(work, log);
  try {
    const round: Round = { buildah, work, log, machine: await machineSecrets(join(work, 'machine')) };
    for (const [index, name] of names.entries()) {
      const since = performance.now();
      note(`image ${name}: building ${index + 1} of ${names.length}`);
      await build(name, round);
      const seconds = Math.round((performance.now() - since) / 1000);
      note(`image ${name}: built in ${seconds} s, ${Math.round(statSync(archiveOf(name)).size / 1e6)} MB`);
    }
  } finally {
    await buildah.close();
  }
};

interface Round {
  readonly buildah: Buildah;
  readonly work: string;
  readonly log: string | undefined;
  readonly machine: MachineSecrets;
}

const build = async (name: ImageName, round: Round): Promise<void> => {
  const { buildah } = round;
  const base = baseOf[name];
  if (base !== null) await provideBase(base, round);
  const tag = reference(image(name));
  await buildah.build({
    context: await contextFor(name, round),
    reference: tag,
    base: base === null ? undefined : reference(image(base)),
    contexts: hasSdk(name) ? { sdk: sdkFolder } : {},
    secrets: round.machine.secrets,
  });
  mkdirSync(folderOf(name), { recursive: true });
  const unfinished = join(folderOf(name), '.unfinished');
  rmSync(unfinished, { force: true });
  await buildah.export(tag, unfinished);
  renameSync(unfinished, archiveOf(name));
  // The storage holds one image and its base at a time.
  if (!isBase(name)) await buildah.remove(tag);
  prune(folderOf(name));
};

const provided = new WeakMap<Buildah, Set<ImageName>>();

/** Builds the base once for all, or takes its archive: with the very same layer, every image shares it on the node. */
const provideBase = async (base: ImageName, round: Round): Promise<void> => {
  const have = provided.get(round.buildah) ?? new Set();
  provided.set(round.buildah, have);
  if (have.has(base)) return;
  if (!existsSync(archiveOf(base))) await build(base, round);
  else await round.buildah.load(archiveOf(base));
  have.add(base);
};

const contextFor = async (name: ImageName, round: Round): Promise<string> => {
  if (baseOf[name] === null) return rootContext(name, round);
  return hasPrograms(name) ? programsContext(name, round) : contextOf(name);
};

/** A context with bin/ as build.sh would fill it, so that a base without Go will do. */
const programsContext = async (name: ImageName, { work, log }: Round): Promise<string> => {
  const context = join(work, 'programs');
  rmSync(context, { recursive: true, force: true });
  cpSync(contextOf(name), context, { recursive: true });
  cpSync(await buildPrograms(name, log), join(context, 'bin'), { recursive: true });
  return context;
};

/** A context whose rootfs.tar is made from Debian packages first. */
const rootContext = async (name: ImageName, { work, log, machine }: Round): Promise<string> => {
  const context = join(work, 'context');
  mkdirSync(context, { recursive: true });
  copyFileSync(join(contextOf(name), 'Containerfile'), join(context, 'Containerfile'));
  const script = join(contextOf(name), 'rootfs.sh');
  await run(['sh', script, join(context, 'rootfs.tar'), machine.sources, machine.aptOptions], {
    env: { ...process.env, TMPDIR: work },
    ...(log === undefined ? {} : { log }),
  });
  return context;
};

/** Keeps the newest archives of a folder: the ones in use are touched at every use. */
export const prune = (folder: string): void => {
  const archives = readdirSync(folder)
    .filter((file) => file.endsWith('.tar'))
    .map((file) => join(folder, file))
    .map((path) => ({ path, age: statSync(path).mtimeMs }))
    .toSorted((a, b) => b.age - a.age);
  for (const { path } of archives.slice(keptTags)) rmSync(path);
};
