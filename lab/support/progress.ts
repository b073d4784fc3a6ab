import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a step is given: the file its commands log to, and a way to say in a line what it is at. */
export interface Step {
  readonly log: string;
  note(text: string): void;
}

const elapsed = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/**
 * Numbered steps, one line each when begun and one when ended, which reads the same in a terminal and in the log
 * of a CI. A step that takes longer than half a minute says that it is still at it, and where its log is.
 */
export class Progress {
  readonly #total: number;
  readonly #logs: string;
  readonly #print: (line: string) => void;
  #begun = 0;

  constructor(total: number, logs: string, print: (line: string) => void = console.log) {
    this.#total = total;
    this.#logs = logs;
    this.#print = print;
    mkdirSync(logs, { recursive: true });
  }

  async step<T>(title: string, work: (step: Step) => Promise<T>): Promise<T> {
    this.#begun += 1;
    const head = `[${this.#begun}/${this.#total}]`;
    const name = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
    const log = join(this.#logs, `${String(this.#begun).padStart(2, '0')}-${name}.log`);
    writeFileSync(log, '');
    const since = performance.now();
    this.#print(`${head} ${title}`);
    let latest = '';
    const note = (text: string): void => {
      latest = `, ${text}`;
      this.#print(`${head}   ${text}`);
    };
    const pulse = setInterval(
      () => this.#print(`${head}   still at it after ${elapsed(since)}${latest} (log: ${log})`),
      30_000,
    );
    pulse.unref();
    try {
      const result = await work({ log, note });
      this.#print(`${head} done in ${elapsed(since)}`);
      return result;
    } catch (error) {
      this.#print(`${head} failed after ${elapsed(since)}: ${title} (log: ${log})`);
      throw error;
    } finally {
      clearInterval(pulse);
    }
  }
}
