import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Documents } from './documents.ts';

/**
 * Follows the documents of a folder. A mounted ConfigMap changes by the rename of a link in it, and an editor
 * replaces a file. A look every `pollMs` covers file systems that tell nothing.
 */
export class RoutesFolder {
  readonly #folder: string;
  readonly #changed: (documents: Documents) => void;
  readonly #watcher: FSWatcher;
  readonly #timer: NodeJS.Timeout;
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(folder: string, changed: (documents: Documents) => void, pollMs: number) {
    this.#folder = folder;
    this.#changed = changed;
    this.#watcher = watch(folder, { persistent: false }, () => void this.reload());
    // The look by the clock goes on.
    this.#watcher.on('error', () => {});
    this.#timer = setInterval(() => void this.reload(), pollMs).unref();
  }

  /** Reads the folder again, one reading after the other. */
  reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#watcher.close();
  }

  async #read(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    const wanted = names.filter((name) => name.endsWith('.json'));
    const texts = await Promise.all(wanted.map((name) => this.#text(name)));
    if (this.#closed) return;
    this.#changed(
      Object.fromEntries(texts.flatMap((text, at) => (text === undefined ? [] : [[wanted[at], text]]))),
    );
  }

  /** Undefined: gone since its folder was read. */
  #text(name: string): Promise<string | undefined> {
    return readFile(join(this.#folder, name), 'utf8').catch(() => undefined);
  }
}
