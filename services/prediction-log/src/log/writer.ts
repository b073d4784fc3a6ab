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
  unwritten,
} from '../store/files.ts';
import { type Bucket, objectKey } from './bucket.ts';
import { labelsFile, predictionsFile } from './parquet.ts';

const kinds: readonly Kind[] = ['prediction', 'label'];
/** Files of a team in one step: what comes after is the next step's, so that windows get their turn. */
const most = 50;
/** How long a team whose bucket doesn't answer waits for its next try, in milliseconds: twice as long each time. */
const pauses = { first: 5000, longest: 300_000 };

export interface WriterOptions {
  readonly prefix: string;
  readonly rules: FileRules;
}

/** Moves what is in the database into files: one at a time of each team, all teams beside each other. */
export class Writer {
  readonly #database: Database;
  readonly #bucket: Bucket;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #options: WriterOptions;
  /** Teams whose bucket didn't answer, and when they are tried again. */
  readonly #resting = new Map<string, { readonly until: number; readonly pause: number }>();

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
    const rests = (team: string): boolean =>
      !all && (this.#resting.get(team)?.until ?? 0) > performance.now();
    const teams = (await unwritten(this.#database)).filter((team) => !rests(team));
    const done = await Promise.allSettled(teams.map((team) => this.#team(team, rules)));
    const failed = done.find((each) => each.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #team(team: string, rules: FileRules): Promise<void> {
    if (await this.#files(team, rules)) {
      this.#resting.delete(team);
      return;
    }
    const pause = Math.min((this.#resting.get(team)?.pause ?? pauses.first / 2) * 2, pauses.longest);
    this.#resting.set(team, { until: performance.now() + pause, pause });
  }

  /** False where a file could not be written: the team's other rows wait as well. */
  async #files(team: string, rules: FileRules): Promise<boolean> {
    for (const kind of kinds) {
      for (const unfinished of await begun(this.#database, kind, team))
        if (!(await this.#write(unfinished))) return false;
      for (let count = 0; count < most; count += 1) {
        const next = await claim(this.#database, kind, team, rules);
        if (next === undefined) break;
        if (!(await this.#write(next))) return false;
      }
    }
    return true;
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
