import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cached, cacheRoot, contentKey } from '../support/cache.ts';
import { bound, run as execute } from '../support/exec.ts';
import { type Daemon, Daemons } from './daemons.ts';
import { type ImageArchive, importImage, presentImages } from './images.ts';
import { type Containerd, ctrOn } from './node.ts';

/** How many sets of images stay in the cache: this checkout's, and another one's or the one before. */
const kept = 2;

const kind = 'node-images';

export interface StoreOptions {
  readonly log: string;
  /** Told what is being done, a line at a time. */
  readonly note: (text: string) => void;
}

/** Runs `work` beside a containerd that has this root and no pods; it ends with the work, and with us. */
export const withContainerd = async <T>(
  root: string,
  log: string,
  work: (client: Containerd) => Promise<T>,
): Promise<T> => {
  // Not below the root: a socket's path may have 107 bytes at most.
  const folder = mkdtempSync(join(tmpdir(), 'plinth-containerd-'));
  const config = join(folder, 'containerd.toml');
  const socket = join(folder, 'containerd.sock');
  writeFileSync(
    config,
    `version = 2
root = "${root}"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
  address = "${socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
`,
  );
  const client = ctrOn(socket);
  const daemons = new Daemons(join(folder, 'processes'));
  const daemon: Daemon = {
    name: 'containerd',
    log,
    // At once: one that outlived us would write into what the next run makes.
    command: [...bound('KILL'), 'containerd', '--config', config],
  };
  try {
    await daemons.ensure(daemon);
    await daemons.ready(daemon, 60, () => execute(client('version'), { timeoutMs: 5_000 }));
    return await work(client);
  } finally {
    await daemons.stop(daemon.name, 60);
    rmSync(folder, { recursive: true, force: true });
  }
};

/**
 * A copy of containerd's root in seconds: its files are links. Layers and blobs are never written to once they are
 * there; databases are, and are copied.
 */
const linkedCopy = async (from: string, to: string): Promise<void> => {
  const unfinished = `${to}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  await execute(['cp', '--archive', '--link', from, unfinished]);
  for (const plugin of readdirSync(unfinished))
    for (const file of readdirSync(join(unfinished, plugin)).filter((name) => name.endsWith('.db'))) {
      const database = join(unfinished, plugin, file);
      copyFileSync(database, `${database}.own`);
      renameSync(`${database}.own`, database);
    }
  renameSync(unfinished, to);
};

const age = (path: string): number => statSync(path).mtimeMs;

/** Every set of images in the cache that is whole, the one used last first. */
const stores = (): readonly string[] => {
  const parent = join(cacheRoot(), kind);
  return readdirSync(parent)
    .filter((name) => !name.startsWith('.'))
    .map((name) => join(parent, name))
    .toSorted((a, b) => age(b) - age(a));
};

/**
 * The folder with a root of containerd that has these images unpacked, and no others: made once for a set of them,
 * from the set before by what differs, each as soon as it is ready. A run that is killed meanwhile leaves none.
 */
export const imageStore = async (
  images: readonly ImageArchive[],
  { log, note }: StoreOptions,
): Promise<string> => {
  const references = new Set(images.map(({ reference }) => reference));
  const store = await cached(kind, contentKey([], [...references].toSorted()), async (into) => {
    const root = join(into, 'containerd');
    const [before] = stores();
    if (before !== undefined) await linkedCopy(join(before, 'containerd'), root);
    await withContainerd(root, log, async (client) => {
      const present = await presentImages(client);
      const gone = [...present].filter((reference) => !references.has(reference));
      if (gone.length > 0) await execute(client('images', 'remove', '--sync', ...gone), { log });
      for (const image of images.filter(({ reference }) => !present.has(reference))) {
        await image.ready;
        note(`unpacking ${image.reference}`);
        await importImage(image, log, client);
      }
    });
    // A machine that is cut off now must not find names without content.
    await execute(['sync', '--file-system', into]);
  });
  const now = new Date();
  utimesSync(store, now, now);
  for (const old of stores().slice(kept)) rmSync(old, { recursive: true, force: true });
  return store;
};

/** Whether files of one folder can be linked into another: not across file systems, nor across mounts of one. */
const linkable = (from: string, to: string): boolean => {
  const [probe, link] = [join(from, `.link-${process.pid}`), join(to, `.link-${process.pid}`)];
  try {
    writeFileSync(probe, '');
    linkSync(probe, link);
    return true;
  } catch {
    return false;
  } finally {
    for (const path of [probe, link]) rmSync(path, { force: true });
  }
};

/**
 * Gives a node that has no image yet all of them at once. Does nothing to one that has some, or where the cache's
 * files can't be linked: then they are imported one by one. `root` is containerd's, by a path of the cache's own mount.
 */
export const seedNode = async (
  root: string,
  images: readonly ImageArchive[],
  options: StoreOptions,
): Promise<void> => {
  if (existsSync(root)) return;
  const cache = join(cacheRoot(), kind);
  for (const folder of [cache, dirname(root)]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!linkable(cache, dirname(root))) return;
  await linkedCopy(join(await imageStore(images, options), 'containerd'), root);
};
