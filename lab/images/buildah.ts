import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { discard } from '../support/discard.ts';
import { RunError, run } from '../support/exec.ts';

/**
 * buildah with a storage of its own, apart from the host's. It lives as long as one round of builds: an interrupted
 * round leaves mounts and half-built containers, which the next one removes with the folder.
 */
export class Buildah {
  readonly #folder: string;
  readonly #log: { readonly log?: string };
  readonly #driver: string;

  private constructor(folder: string, driver: string, log?: string) {
    this.#folder = folder;
    this.#driver = driver;
    this.#log = log === undefined ? {} : { log };
  }

  /** Only one at a time may use a folder: the caller holds a lock. */
  static async open(folder: string, log?: string): Promise<Buildah> {
    await discard(folder);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Nothing is pulled from a registry, so there is no signature to ask for.
    writeFileSync(join(folder, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
    // No build has a network of its own, and the folder for such would be /etc/cni else.
    writeFileSync(
      join(folder, 'containers.conf'),
      `[network]\nnetwork_config_dir = "${join(folder, 'cni')}"\n`,
    );
    return new Buildah(folder, (await overlayWorks(folder)) ? 'overlay' : 'vfs', log);
  }

  async build(options: {
    readonly context: string;
    readonly reference: string;
    readonly base: string | undefined;
    /** Folders that the Containerfile copies from, besides its own context, by name. */
    readonly contexts?: Readonly<Record<string, string>>;
    readonly secrets: Readonly<Record<string, string>>;
  }): Promise<void> {
    const secrets = Object.entries(options.secrets).flatMap(([id, path]) => [
      '--secret',
      `id=${id},src=${path}`,
    ]);
    const contexts = Object.entries(options.contexts ?? {}).flatMap(([name, path]) => [
      '--build-context',
      `${name}=${path}`,
    ]);
    const base = options.base === undefined ? [] : ['--build-arg', `BASE=${options.base}`];
    await this.#run([
      'bud',
      ...this.#policy(),
      ...['--isolation', 'chroot', '--network', 'host', '--pull-never', '--format', 'docker'],
      ...secrets,
      ...contexts,
      ...base,
      ...['--file', join(options.context, 'Containerfile'), '--tag', options.reference, options.context],
    ]);
  }

  /** Layers are stored uncompressed: importing is then limited by the disk and not by gzip. */
  async export(reference: string, archive: string): Promise<void> {
    await this.#run(['push', ...this.#policy(), reference, `docker-archive:${archive}:${reference}`]);
  }

  async load(archive: string): Promise<void> {
    await this.#run(['pull', ...this.#policy(), `docker-archive:${archive}`]);
  }

  async remove(reference: string): Promise<void> {
    await this.#run(['rmi', '--force', reference]);
  }

  close(): Promise<void> {
    return discard(this.#folder);
  }

  #policy(): readonly string[] {
    return ['--signature-policy', join(this.#folder, 'policy.json')];
  }

  #run(args: readonly string[]): Promise<string> {
    const storage = ['--root', join(this.#folder, 'root'), '--runroot', join(this.#folder, 'run')];
    // TMPDIR: layers on their way are as large as the image, and /tmp may be small.
    const env = {
      ...process.env,
      TMPDIR: this.#folder,
      BUILDAH_ISOLATION: 'chroot',
      CONTAINERS_CONF: join(this.#folder, 'containers.conf'),
    };
    return run(['buildah', ...storage, '--storage-driver', this.#driver, ...args], { env, ...this.#log });
  }
}

/** Inside some containers overlay can't be mounted; copying whole layers (vfs) is slower and works everywhere. */
const overlayWorks = async (folder: string): Promise<boolean> => {
  const trial = mkdtempSync(join(folder, 'overlay-'));
  const of = (name: string): string => join(trial, name);
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(of(name));
  const options = `lowerdir=${of('lower')},upperdir=${of('upper')},workdir=${of('work')}`;
  try {
    await run(['mount', '-t', 'overlay', 'overlay', '-o', options, of('merged')]);
    await run(['umount', of('merged')]);
    return true;
  } catch (error) {
    if (error instanceof RunError) return false;
    throw error;
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
};
