import { join } from 'node:path';
import { cached, contentKey } from '../support/cache.ts';
import { run as execute } from '../support/exec.ts';
import { buildCoreDns, buildLocalPathProvisioner, buildSmallPrograms } from './build.ts';
import { lab } from './layout.ts';
import { ctr } from './node.ts';
import { type ScratchImage, writeScratchImage } from './scratch-image.ts';

/** An image as a file: what `ctr images import` takes, under the reference by which pods name it. */
export interface ImageArchive {
  readonly reference: string;
  readonly archive: string;
}

/**
 * The images that the cluster itself needs, of static programs without a base: a pod's pause, CoreDNS, the storage
 * provisioner and its helper. References carry a content key, so that a changed program is a new image.
 */
export const systemImages = async (log?: string): Promise<readonly ImageArchive[]> => {
  const small = await buildSmallPrograms(log);
  const coredns = await buildCoreDns(log);
  const provisioner = await buildLocalPathProvisioner(log);
  const program = (name: string, from: string, path: string): Omit<ScratchImage, 'reference'> => ({
    entrypoint: [`/${name}`],
    files: { [`/${name}`]: { from: join(from, path) } },
  });
  const volume = { from: join(small, 'volume') };
  const images: readonly ScratchImage[] = [
    { reference: lab.pauseImage, ...program('pause', small, 'pause') },
    { reference: lab.coreDnsImage, ...program('coredns', coredns, 'coredns') },
    {
      reference: lab.provisionerImage,
      ...program('local-path-provisioner', provisioner, 'local-path-provisioner'),
    },
    {
      reference: lab.volumeImage,
      entrypoint: ['/make-volume'],
      files: { '/make-volume': volume, '/remove-volume': volume },
    },
  ];
  return Promise.all(
    images.map(async (image) => {
      const sources = Object.values(image.files).flatMap((file) => ('from' in file ? [file.from] : []));
      const name = image.reference.replaceAll(/[^a-z0-9.]+/g, '-');
      const folder = await cached(
        'system-images',
        `${name}-${contentKey(sources, [JSON.stringify(image)])}`,
        (into) => writeScratchImage(join(into, 'image.tar'), image),
      );
      return { reference: image.reference, archive: join(folder, 'image.tar') };
    }),
  );
};

/** The references that containerd already has. */
export const presentImages = async (): Promise<ReadonlySet<string>> =>
  new Set((await execute(ctr('images', 'list', '--quiet'))).split('\n').filter((line) => line !== ''));

/** Imports one archive. A failed import leaves nothing that a pod could start from. */
export const importImage = (image: ImageArchive, log?: string): Promise<string> =>
  execute(ctr('images', 'import', image.archive), log === undefined ? {} : { log });
