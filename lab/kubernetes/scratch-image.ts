import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../support/exec.ts';

/** An image of a few static programs and nothing else. */
export interface ScratchImage {
  readonly entrypoint: readonly string[];
  /** Path in the image to the file on this machine, or to a symlink's target. */
  readonly files: Readonly<Record<string, { readonly from: string } | { readonly link: string }>>;
}

/** Writes the image as a docker archive, which `ctr images import` and `docker load` read. */
export const writeScratchImage = async (
  archive: string,
  reference: string,
  image: ScratchImage,
): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-image-'));
  try {
    const tree = join(folder, 'tree');
    mkdirSync(join(tree, 'tmp'), { recursive: true, mode: 0o1777 });
    for (const [path, source] of Object.entries(image.files)) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      if ('from' in source) copyFileSync(source.from, join(tree, path));
      else symlinkSync(source.link, join(tree, path));
    }
    const tar = ['tar', '--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];
    await run([...tar, '-cf', join(folder, 'layer.tar'), '-C', tree, '.']);
    const digest = createHash('sha256')
      .update(readFileSync(join(folder, 'layer.tar')))
      .digest('hex');
    const config = {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Entrypoint: image.entrypoint, Env: ['PATH=/bin:/usr/bin:/sbin:/usr/sbin'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'plinth lab' }],
    };
    const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: ['layer.tar'] }];
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await run([...tar, '-cf', archive, '-C', folder, 'manifest.json', 'config.json', 'layer.tar']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
