import { join } from 'node:path';
import { cached, contentKey } from '../support/cache.ts';
import { run as execute } from '../support/exec.ts';
import { buildCoreDns, buildLocalPathProvisioner, buildSmallPrograms } from './build.ts';
import { type Containerd, ctr } from './node.ts';
import { type ScratchImage, writeScratchImage } from './scratch-image.ts';

/** An image as a file: what `ctr images import` takes, under the reference by which pods name it. */
export interface ImageArchive {
  readonly reference: string;
  readonly archive: string;
  /** Settles when the file is there; unset: it is. */
  readonly ready?: Promise<unknown>;
}

/** The images that the cluster itself needs, of static programs without a base. */
export interface SystemImages {
  /** What holds a pod's namespaces. */
  readonly pause: ImageArchive;
  readonly coreDns: ImageArchive;
  readonly provisioner: ImageArchive;
  /** What the provisioner makes and removes volumes with. */
  readonly volume: ImageArchive;
}

/** An image whose tag is a key of its content: a changed program is another image, which a running lab takes. */
export const scratchArchive = async (name: string, image: ScratchImage): Promise<ImageArchive> => {
  const sources = Object.values(image.files).flatMap((file) => ('from' in file ? [file.from] : []));
  // Where the programs lie on this machine is none of the image's content.
  const paths = Object.entries(image.files).map(([path, file]) =>
    'link' in file ? `${path} ${file.link}` : path,
  );
  const key = contentKey(sources, [...image.entrypoint, ...paths]);
  const reference = `plinth.local/lab/${name}:${key}`;
  const folder = await cached('system-images', `${name}-${key}`, (into) =>
    writeScratchImage(join(into, 'image.tar'), reference, image),
  );
  return { reference, archive: join(folder, 'image.tar') };
};

export const systemImages = async (log?: string): Promise<SystemImages> => {
  const small = await buildSmallPrograms(log);
  const coredns = await buildCoreDns(log);
  const provisioner = await buildLocalPathProvisioner(log);
  const program = (folder: string, name: string): Promise<ImageArchive> =>
    scratchArchive(name, { entrypoint: [`/${name}`], files: { [`/${name}`]: { from: join(folder, name) } } });
  const volume = { from: join(small, 'volume') };
  return {
    pause: await program(small, 'pause'),
    coreDns: await program(coredns, 'coredns'),
    provisioner: await program(provisioner, 'local-path-provisioner'),
    volume: await scratchArchive('volume', {
      entrypoint: ['/make-volume'],
      files: { '/make-volume': volume, '/remove-volume': volume },
    }),
  };
};

/** The references that containerd already has. */
export const presentImages = async (client: Containerd = ctr): Promise<ReadonlySet<string>> =>
  new Set((await execute(client('images', 'list', '--quiet'))).split('\n').filter((line) => line !== ''));

/** Imports one archive. A failed import leaves nothing that a pod could start from. */
export const importImage = (image: ImageArchive, log?: string, client: Containerd = ctr): Promise<string> =>
  execute(client('images', 'import', image.archive), log === undefined ? {} : { log });
