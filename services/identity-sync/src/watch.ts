import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Tells that a file may have changed. The folder is watched, not the file: a mounted Secret changes by the rename of
 * a link beside it.
 */
export class FileWatch {
  readonly #watcher: FSWatcher;

  constructor(file: string, changed: () => void) {
    this.#watcher = watch(dirname(file), { persistent: false }, changed);
    // Without it the file is still looked at in every interval.
    this.#watcher.on('error', () => this.close());
  }

  close(): void {
    this.#watcher.close();
  }
}
