import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureImages } from '../../lab/images/build.ts';
import { ensureDebianPackages } from '../../lab/support/apt.ts';
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

/** Unpacks an image of the catalogue, building it first if need be. The caller removes `folder`. */
export const unpack = async (name: string): Promise<Unpacked & { readonly folder: string }> => {
  const [built] = await ensureImages({ only: [name] });
  if (built === undefined) throw new Error(`ensureImages gave nothing for ${name}`);
  const folder = mkdtempSync(join(tmpdir(), `plinth-image-${name}-`));
  try {
    const archive = join(folder, 'archive');
    const root = join(folder, 'root');
    mkdirSync(archive);
    mkdirSync(root);
    await run(['tar', '-xf', built.archive, '-C', archive]);
    const manifest = JSON.parse(readFileSync(join(archive, 'manifest.json'), 'utf8')) as readonly {
      readonly Config: string;
      readonly Layers: readonly string[];
    }[];
    const [image] = manifest;
    if (image === undefined) throw new Error(`${built.archive} holds no image`);
    for (const layer of image.Layers) await applyLayer(join(archive, layer), root);
    const configuration = readFileSync(join(archive, image.Config), 'utf8');
    const { config, rootfs } = JSON.parse(configuration) as Configuration;
    rmSync(archive, { recursive: true });
    return {
      folder,
      root,
      layers: rootfs.diff_ids,
      user: config.User ?? '',
      env: config.Env ?? [],
      stopSignal: config.StopSignal,
      configuration,
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
};

/** `.wh.x` in a layer removes x of those below it; `.wh..wh..opq` empties its folder. */
const applyLayer = async (layer: string, root: string): Promise<void> => {
  const listing = (await run(['tar', '-tf', layer])).split('\n').filter((path) => path.includes('.wh.'));
  for (const path of listing) {
    const folder = join(root, dirname(path));
    if (path.endsWith('.wh..wh..opq')) {
      if (existsSync(folder))
        for (const child of readdirSync(folder)) rmSync(join(folder, child), { recursive: true });
    } else {
      rmSync(join(folder, path.slice(path.lastIndexOf('.wh.') + 4)), { recursive: true, force: true });
    }
  }
  await run(['tar', '-xf', layer, '-C', root, '--numeric-owner', '--exclude=.wh.*']);
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
