import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseRoutes, type RoutesConfig } from './config.ts';

export interface WatchEvents {
  applied(config: RoutesConfig): void;
  /** The file is missing, torn or wrong; what is in force stays. Called once for the same mistake. */
  refused(reason: string): void;
}

/**
 * Follows a routes file. The folder is watched, not the file: a mounted ConfigMap changes by the rename of a link
 * beside it, and an editor replaces the file. A look every `pollMs` covers file systems that tell nothing.
 */
export class RoutesFile {
  readonly #file: string;
  readonly #events: WatchEvents;
  readonly #watcher: FSWatcher;
  readonly #timer: NodeJS.Timeout;
  #last: string | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(file: string, events: WatchEvents, pollMs: number) {
    this.#file = file;
    this.#events = events;
    this.#watcher = watch(dirname(file), { persistent: false }, () => void this.reload());
    this.#watcher.on('error', (error) => events.refused(`watching ${dirname(file)}: ${error.message}`));
    this.#timer = setInterval(() => void this.reload(), pollMs).unref();
  }

  /** Reads the file again, one reading after the other; resolves when it is in force or refused. */
  reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watcher.close();
  }

  async #read(): Promise<void> {
    try {
      const text = await readFile(this.#file, 'utf8');
      if (text === this.#last) return;
      this.#last = text;
      this.#events.applied(parseRoutes(text));
    } catch (error) {
      const reason = `${this.#file}: ${error instanceof Error ? error.message : String(error)}`;
      if (!('code' in (error as object))) return this.#events.refused(reason);
      // Absent for a moment while it is replaced, and for good once: told once.
      if (this.#last !== reason) this.#events.refused(reason);
      this.#last = reason;
    }
  }
}
