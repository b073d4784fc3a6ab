import type { Logger } from 'pino';
import type { Metrics } from '../metrics.ts';
import type { Database } from '../store/database.ts';
import {
  begun,
  type Claim,
  claim,
  type FileRules,
  finish,
  type Kind,
  labelsOf,
  predictionsOf,
} from '../store/files.ts';
import { type Bucket, objectKey } from './bucket.ts';
import { labelsFile, predictionsFile } from './parquet.ts';

const kinds: readonly Kind[] = ['prediction', 'label'];
/** Files of one step: what comes after is the next step's, so that windows get their turn. */
const most = 50;

export interface WriterOptions {
  readonly prefix: string;
  readonly rules: FileRules;
}

/** Moves what is in the database into files, one at a time. */
export class Writer {
  readonly #database: Database;
  readonly #bucket: Bucket;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #options: WriterOptions;

  constructor(database: Database, bucket: Bucket, metrics: Metrics, logger: Logger, options: WriterOptions) {
    this.#database = database;
    this.#bucket = bucket;
    this.#metrics = metrics;
    this.#logger = logger;
    this.#options = options;
  }

  /** Writes what is due, or with `all` what there is. A team whose bucket doesn't answer holds up no other. */
  async step(all = false): Promise<void> {
    const rules = all ? { ...this.#options.rules, seconds: 0 } : this.#options.rules;
    for (const kind of kinds) {
      for (const unfinished of await begun(this.#database, kind)) await this.#write(unfinished);
      for (let count = 0; count < most; count += 1) {
        const next = await claim(this.#database, kind, rules);
        if (next === undefined) break;
        // Its rows wait for the next step.
        if (!(await this.#write(next))) break;
      }
    }
  }

  async #write(each: Claim): Promise<boolean> {
    const { kind, team, model, version } = each;
    try {
      const [rows, body] = await this.#content(each);
      const key = objectKey(this.#options.prefix, each);
      await this.#bucket.put(team, key, body);
      await finish(this.#database, each);
      this.#metrics.files.inc({ kind, result: 'written' });
      this.#logger.debug({ team, key, rows, bytes: body.length }, 'file written');
      return true;
    } catch (error) {
      this.#metrics.files.inc({ kind, result: 'failed' });
      this.#logger.error({ team, model, version, reason: String(error) }, 'a file could not be written');
      return false;
    }
  }

  async #content(each: Claim): Promise<readonly [number, Uint8Array]> {
    if (each.kind === 'label') {
      const rows = await labelsOf(this.#database, each);
      return [rows.length, labelsFile(rows)];
    }
    const rows = await predictionsOf(this.#database, each);
    return [rows.length, predictionsFile(rows)];
  }
}
