import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureImages } from '../../lab/images/build.ts';
import { ensureDebianPackages } from '../../lab/support/apt.ts';
import { cacheRoot } from '../../lab/support/cache.ts';
import { run } from '../../lab/support/exec.ts';

/** An image unpacked into a folder, with what its configuration says. */
export interface Unpacked {
  readonly root: string;
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
export const configurationOf = async (name: string): Promise<Omit<Unpacked, 'root'> & Archive> => {
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

const folders = join(cacheRoot(), 'images', '.unpacked');

/** Unpacks an image. The caller removes `folder`; what a killed run left is removed by the next. */
export const unpack = async (name: string): Promise<Unpacked & { readonly folder: string }> => {
  mkdirSync(folders, { recursive: true });
  for (const left of readdirSync(folders))
    if (!existsSync(`/proc/${left.split('-').at(-1)}`)) rmSync(join(folders, left), { recursive: true });
  const image = await configurationOf(name);
  const folder = join(folders, `${name}-${process.pid}`);
  const root = join(folder, 'root');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  try {
    for (const member of image.members) await applyLayer(image.archive, member, root);
    return { ...image, folder, root };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
};

/** `.wh.x` in a layer removes x of those below it; `.wh..wh..opq` empties its folder. */
const applyLayer = async (archive: string, member: string, root: string): Promise<void> => {
  const piped = (...inner: readonly string[]): Promise<string> =>
    run(['bash', '-o', 'pipefail', '-c', 'tar -xOf "$0" "$1" | tar "${@:2}"', archive, member, ...inner]);
  const listing = (await piped('-t')).split('\n').filter((path) => path.includes('.wh.'));
  for (const path of listing) {
    const folder = join(root, dirname(path));
    if (path.endsWith('.wh..wh..opq')) {
      if (existsSync(folder))
        for (const child of readdirSync(folder)) rmSync(join(folder, child), { recursive: true });
    } else {
      rmSync(join(folder, path.slice(path.lastIndexOf('.wh.') + 4)), { recursive: true, force: true });
    }
  }
  await piped('-x', '-C', root, '--numeric-owner', '--exclude=.wh.*');
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
  const { root } = image;
  const scratch = ['/tmp', ...(options.scratch ?? [])];
  const mounts = Object.entries(options.mounts ?? {});
  for (const path of ['/proc', '/dev', ...scratch, ...mounts.map(([path]) => path)])
    mkdirSync(join(root, path), { recursive: true });
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const script = [
    'set -e',
    'mount --make-rprivate /',
    `mount --bind ${quoted(root)} ${quoted(root)}`,
    `mount -o remount,bind,ro ${quoted(root)}`,
    `mount -t proc proc ${quoted(join(root, 'proc'))}`,
    `mount --rbind /dev ${quoted(join(root, 'dev'))}`,
    ...scratch.map((path) => `mount -t tmpfs -o mode=1777 tmpfs ${quoted(join(root, path))}`),
    ...mounts.map(([path, from]) => `mount --bind ${quoted(from)} ${quoted(join(root, path))}`),
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
