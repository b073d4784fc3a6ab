import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the command, when it isn't ours. */
  readonly env?: NodeJS.ProcessEnv;
  /** A file that both streams are appended to, so that a long step can be followed. */
  readonly log?: string;
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface PatientRunOptions extends Omit<RunOptions, 'input' | 'timeoutMs'> {
  /** A file that both streams are appended to; unset: one that is removed after. */
  readonly log?: string;
}

/** A command that didn't end well. The message holds its last lines, since a log file is rarely open. */
export class RunError extends Error {
  override readonly name = 'RunError';
  readonly command: readonly string[];
  /** 127 when the program could not be started at all, 124 after the time given to it. */
  readonly exitCode: number;
  readonly log: string | undefined;
  /** The end of what it said on both streams. */
  readonly output: string;

  constructor(command: readonly string[], exitCode: number, tail: string, log?: string) {
    const where = log === undefined ? '' : `\n  whole output: ${log}`;
    const lines = tail
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-15)
      .map((line) => `\n    ${line}`);
    super(`\`${command.join(' ')}\` ended with ${exitCode}${lines.join('')}${where}`);
    this.command = command;
    this.exitCode = exitCode;
    this.log = log;
    this.output = tail;
  }
}

const tailBytes = 65_536;

/** Put before a command, ends it by this signal when we end, however hard we were killed. */
export const bound = (signal: 'TERM' | 'KILL'): readonly string[] =>
  process.platform === 'linux' ? ['setpriv', '--pdeathsig', signal, '--'] : [];

/** Runs a command to its end and resolves to its standard output; rejects with a RunError. */
export const run = (command: readonly string[], options: RunOptions = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const [program = '', ...args] = command;
    const { cwd, log, input, timeoutMs } = options;
    let file: number | undefined;
    if (log !== undefined) {
      mkdirSync(dirname(log), { recursive: true });
      appendFileSync(log, `$ ${command.join(' ')}\n`);
      file = openSync(log, 'a');
    }
    const output: Buffer[] = [];
    let tail = '';
    const keep = (chunk: Buffer): void => {
      if (file !== undefined) writeSync(file, chunk);
      tail = (tail + chunk.toString('utf8')).slice(-tailBytes);
    };
    const child: ChildProcess = spawn(program, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env: options.env ?? process.env,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    let expired = false;
    const timers: NodeJS.Timeout[] = [];
    if (timeoutMs !== undefined) {
      const end = (): void => {
        expired = true;
        child.kill('SIGTERM');
        timers.push(setTimeout(() => child.kill('SIGKILL'), 5_000));
      };
      timers.push(setTimeout(end, timeoutMs));
    }
    let settled = false;
    const settle = (code: number): void => {
      if (settled) return;
      settled = true;
      for (const timer of timers) clearTimeout(timer);
      if (file !== undefined) closeSync(file);
      if (code === 0) resolve(Buffer.concat(output).toString('utf8'));
      else reject(new RunError(command, code, tail, log));
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      output.push(chunk);
      keep(chunk);
    });
    child.stderr?.on('data', keep);
    // A command that ends without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    child.on('error', (error) => {
      tail += `${error.message}\n`;
      settle(127);
    });
    child.on('close', (code, signal) => {
      if (expired) {
        tail += `\nnot done after ${timeoutMs} ms`;
        settle(124);
      } else {
        if (signal !== null) tail += `\nended by ${signal}`;
        settle(signal === null ? (code ?? 1) : 128);
      }
    });
  });

/**
 * Like `run`, for a command that is told to end when we are killed, and has to write down first what it did. It has a
 * session of its own, so that Ctrl-C reaches it once, as that signal; and no pipe to us, which would break with us and
 * end it at its next word. Resolves to both streams.
 */
export const runPatiently = async (
  command: readonly string[],
  { cwd, env = process.env, log }: PatientRunOptions = {},
): Promise<string> => {
  const folder = log === undefined ? mkdtempSync(join(tmpdir(), 'plinth-run-')) : undefined;
  const output = log ?? join(folder ?? '', 'output');
  mkdirSync(dirname(output), { recursive: true });
  appendFileSync(output, `$ ${command.join(' ')}\n`);
  const file = openSync(output, 'a');
  const from = fstatSync(file).size;
  try {
    const [program = '', ...args] = [...bound('TERM'), ...command];
    const { code, why } = await new Promise<{ readonly code: number; readonly why: string }>((resolve) => {
      const child = spawn(program, args, {
        ...(cwd === undefined ? {} : { cwd }),
        env,
        stdio: ['ignore', file, file],
        detached: true,
      });
      child.on('error', ({ message }) => resolve({ code: 127, why: message }));
      child.on('close', (exitCode, signal) =>
        resolve(
          signal === null ? { code: exitCode ?? 1, why: '' } : { code: 128, why: `ended by ${signal}` },
        ),
      );
    });
    const said = readFileSync(output).subarray(from).toString('utf8');
    if (code !== 0) throw new RunError(command, code, `${said.slice(-tailBytes)}\n${why}`, log);
    return said;
  } finally {
    closeSync(file);
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
};
