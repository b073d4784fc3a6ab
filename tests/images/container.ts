import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ImageName } from '../../constructs/catalogue/index.ts';
import { ensureImages } from '../../lab/images/build.ts';
import { baseOf } from '../../lab/images/content.ts';
import { ensureDebianPackages } from '../../lab/support/apt.ts';
import { cacheRoot } from '../../lab/support/cache.ts';
import { run } from '../../lab/support/exec.ts';

/** An image whose layers are unpacked, with what its configuration says. */
export interface Unpacked {
  /** The folders of its layers, lowest first, as overlayfs takes them. */
  readonly folders: readonly string[];
  /** Those of them that what it is built on doesn't have. */
  readonly own: readonly string[];
  readonly layers: readonly string[];
  readonly user: string;
  readonly env: readonly string[];
  readonly stopSignal: string | undefined;
  /** The whole configuration with its history, as text. */
  readonly configuration: string;
}

interface Configuration {
  readonly config: { readonly User?: string; readonly Env?: readonly string[]; readonly StopSignal?: string };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

/** The configuration of an image of the catalogue, which is built first if need be. */
export const configurationOf = async (name: string): Promise<Omit<Unpacked, 'folders' | 'own'> & Archive> => {
  const [built] = await ensureImages({ only: [name] });
  if (built === undefined) throw new Error(`ensureImages gave nothing for ${name}`);
  const member = (path: string): Promise<string> => run(['tar', '-xOf', built.archive, path]);
  const [image] = JSON.parse(await member('manifest.json')) as readonly {
    readonly Config: string;
    readonly Layers: readonly string[];
  }[];
  if (image === undefined) throw new Error(`${built.archive} holds no image`);
  const configuration = await member(image.Config);
  const { config, rootfs } = JSON.parse(configuration) as Configuration;
  return {
    archive: built.archive,
    members: image.Layers,
    layers: rootfs.diff_ids,
    user: config.User ?? '',
    env: config.Env ?? [],
    stopSignal: config.StopSignal,
    configuration,
  };
};

interface Archive {
  readonly archive: string;
  /** The layers' names in the archive, lowest first. */
  readonly members: readonly string[];
}

/** The layers that this run has unpacked, each once for all images and test files; tests/images/teardown.ts ends it. */
const unpackedLayers = join(cacheRoot(), 'images', '.unpacked');

/** Removes what this process unpacked, and what killed ones left. */
export const removeUnpacked = (): void => {
  if (!existsSync(unpackedLayers)) return;
  for (const pid of readdirSync(unpackedLayers))
    if (pid === String(process.pid) || !existsSync(`/proc/${pid}`))
      rmSync(join(unpackedLayers, pid), { recursive: true });
};

/** Unpacks the layers of an image. */
export const unpack = async (name: ImageName): Promise<Unpacked> => {
  const image = await configurationOf(name);
  const base = baseOf[name];
  const shared = base === null ? [] : (await configurationOf(base)).layers;
  const folders: string[] = [];
  for (const [index, layer] of image.layers.entries())
    folders.push(await unpackLayer(image.archive, image.members[index] ?? '', layer));
  return { ...image, folders, own: folders.filter((_, index) => image.layers[index] !== shared[index]) };
};

/**
 * Unpacks a layer that isn't there yet, as overlayfs reads it: `.wh.x` in an archive, which removes x of the layers
 * below, becomes a character device, and a folder with `.wh..wh..opq`, which hides all that is below, gets an attribute.
 */
const unpackLayer = async (archive: string, member: string, layer: string): Promise<string> => {
  const folder = join(unpackedLayers, String(process.pid), layer.replace(/^sha256:/, ''));
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const extract = 'tar -xOf "$0" "$1" | tar -x -C "$2" --numeric-owner';
  await run(['bash', '-o', 'pipefail', '-c', extract, archive, member, unfinished]);
  const marks = (await run(['find', unfinished, '-name', '.wh.*'])).split('\n').filter((path) => path !== '');
  for (const mark of marks) {
    const [parent, hidden] = [dirname(mark), basename(mark).slice('.wh.'.length)];
    rmSync(mark);
    if (hidden === '.wh..opq') {
      await ensureDebianPackages(['attr']);
      await run(['setfattr', '-n', 'trusted.overlay.opaque', '-v', 'y', parent]);
    } else await run(['mknod', '-m', '600', join(parent, hidden), 'c', '0', '0']);
  }
  renameSync(unfinished, folder);
  return folder;
};

export interface InImage {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Folders of this machine, by the path where the container has them, writable. */
  readonly mounts?: Readonly<Record<string, string>>;
  /** Further paths that are empty and writable, as /tmp is. */
  readonly scratch?: readonly string[];
}

/**
 * Runs a command as a pod of the platform would: the image's own user and environment, a root file system that can't
 * be written, no capabilities, no network but loopback. Everything it started ends with it.
 */
export const runIn = async (image: Unpacked, options: InImage): Promise<string> => {
  await ensureDebianPackages(['util-linux', 'iproute2']);
  const scratch = ['/tmp', ...(options.scratch ?? [])];
  const mounts = Object.entries(options.mounts ?? {});
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const [lowest = ''] = image.folders;
  const at = `${dirname(lowest)}/mounted`;
  mkdirSync(at, { recursive: true });
  const root = join(at, 'root');
  const needed = ['/proc', '/dev', ...scratch, ...mounts.map(([path]) => path)];
  const lower = image.folders
    .toReversed()
    .map((folder) => basename(folder))
    .join(':');
  const script = [
    'set -e',
    'mount --make-rprivate /',
    // What the mount points need is written beside the layers, and goes with this namespace.
    `mount -t tmpfs tmpfs ${quoted(at)}`,
    `cd ${quoted(at)}`,
    'mkdir root upper work',
    `cd ${quoted(dirname(lowest))}`,
    `mount -t overlay -o lowerdir=${lower},upperdir=mounted/upper,workdir=mounted/work overlay mounted/root`,
    `mkdir -p ${needed.map((path) => quoted(join(root, path))).join(' ')}`,
    `mount -o remount,ro ${quoted(root)}`,
    `mount -t proc proc ${quoted(join(root, 'proc'))}`,
    `mount --rbind /dev ${quoted(join(root, 'dev'))}`,
    ...scratch.map((path) => `mount -t tmpfs -o mode=1777 tmpfs ${quoted(join(root, path))}`),
    ...mounts.map(([path, from]) => `mount --bind ${quoted(from)} ${quoted(join(root, path))}`),
    'cd /',
    'ip link set lo up',
    'exec "$@"',
  ].join('\n');
  const own = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
  return run([
    ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--net', '--ipc'],
    ...['sh', '-c', script, 'sh'],
    ...['/usr/bin/env', '-i', ...image.env, ...own],
    ...['/usr/sbin/chroot', `--userspec=${image.user}`, '--groups=', root, ...options.command],
  ]);
};
