import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { waitFor } from '../support/wait.ts';

/** A program that runs on after us until it is stopped by its record. */
export interface Daemon {
  readonly name: string;
  readonly command: readonly string[];
  readonly log: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Files whose change makes a running one stale (its configuration, its certificates). */
  readonly inputs?: readonly string[];
}

interface ProcessRecord {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: with it a recycled pid is never taken for ours. */
  readonly startTime: string;
  readonly fingerprint: string;
}

/** When the process started, in clock ticks since boot; undefined for one that has ended, a zombie included. */
export const startTimeOf = (pid: number, proc = '/proc'): string | undefined => {
  try {
    const stat = readFileSync(join(proc, String(pid), 'stat'), 'utf8');
    // The command in parentheses may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
};

const tell = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // Ended by itself since it was looked at.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

/**
 * The records of running daemons: one file per name in one folder. Daemons carry the folder's name in their
 * environment, so that one whose record was never written (we were killed in between) can still be found.
 */
export class Daemons {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  #file(name: string): string {
    return join(this.#folder, `${name}.json`);
  }

  #record(name: string): ProcessRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.#file(name), 'utf8')) as ProcessRecord;
    } catch {
      return undefined;
    }
  }

  /** The pid of the named daemon while it lives. */
  pid(name: string): number | undefined {
    const record = this.#record(name);
    return record !== undefined && startTimeOf(record.pid) === record.startTime ? record.pid : undefined;
  }

  /** The names that have a record, whether or not the process still lives. */
  names(): readonly string[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length));
  }

  /** Starts the daemon unless one with the same command and inputs runs; a stale one is stopped first. */
  async ensure(daemon: Daemon): Promise<'running' | 'started'> {
    const hash = createHash('sha256').update(JSON.stringify([daemon.command, daemon.env ?? null]));
    for (const input of daemon.inputs ?? []) hash.update(readFileSync(input));
    const fingerprint = hash.digest('hex');
    if (this.pid(daemon.name) !== undefined) {
      if (this.#record(daemon.name)?.fingerprint === fingerprint) return 'running';
      await this.stop(daemon.name);
    }
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    mkdirSync(dirname(daemon.log), { recursive: true });
    const [program = '', ...args] = daemon.command;
    const log = openSync(daemon.log, 'a');
    // cwd is /, so that no daemon keeps the caller's folder busy.
    const child = spawn(program, args, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...(daemon.env ?? process.env), PLINTH_DAEMONS: this.#folder },
    });
    closeSync(log);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(new Error(`cannot start ${daemon.name}: ${error.message}`)));
    });
    const pid = child.pid ?? 0;
    const startTime = startTimeOf(pid) ?? '';
    const fresh = `${this.#file(daemon.name)}.unfinished`;
    writeFileSync(fresh, JSON.stringify({ pid, startTime, fingerprint } satisfies ProcessRecord));
    renameSync(fresh, this.#file(daemon.name));
    child.unref();
    return 'started';
  }

  /**
   * Waits until `probe` succeeds. A daemon that ended meanwhile is reported at once with the end of its log rather
   * than after the whole time.
   */
  async ready(daemon: Daemon, seconds: number, probe: () => Promise<unknown>): Promise<void> {
    let ended = false;
    await waitFor(`${daemon.name} is not ready (log: ${daemon.log})`, seconds, async () => {
      if (this.pid(daemon.name) === undefined) {
        ended = true;
        return true;
      }
      await probe();
      return true;
    });
    if (!ended) return;
    const tail = readFileSync(daemon.log, 'utf8').trimEnd().split('\n').slice(-8);
    throw new Error(`${daemon.name} ended (log: ${daemon.log})\n    ${tail.join('\n    ')}`);
  }

  /** Asks the daemon to end, insists after `seconds`, and removes its record. One that isn't there is no mistake. */
  async stop(name: string, seconds = 10): Promise<void> {
    const pid = this.pid(name);
    const gone = (): true | undefined => (this.pid(name) === undefined ? true : undefined);
    if (pid !== undefined) {
      tell(pid, 'SIGTERM');
      await waitFor(`${name} ends`, seconds, gone).catch(() => undefined);
      if (gone() === undefined) {
        tell(pid, 'SIGKILL');
        await waitFor(`${name} (pid ${pid}) ends after SIGKILL`, 10, gone);
      }
    }
    rmSync(this.#file(name), { force: true });
  }
}
