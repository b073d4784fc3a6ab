import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Runs `work` while holding a lock between processes. The lock is flock(2)'s, held by a child that ends with us:
 * whoever is killed, however hard, leaves no lock behind. `waiting` is called when another process has it.
 */
export const withLock = async <T>(
  file: string,
  work: () => Promise<T>,
  waiting: () => void = () => undefined,
): Promise<T> => {
  mkdirSync(dirname(file), { recursive: true });
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Ctrl-C reaches the whole foreground group: the lock must outlive it until our own end closes the pipe.
    detached: true,
  });
  const ended = new Promise<void>((resolve) => holder.once('exit', () => resolve()));
  holder.stdin.on('error', () => undefined);
  const patience = setTimeout(waiting, 2_000);
  try {
    await new Promise<void>((resolve, reject) => {
      holder.stdout.once('data', () => resolve());
      holder.once('error', (error) => reject(new Error(`cannot lock ${file}: ${error.message}`)));
      holder.once('exit', (code) => reject(new Error(`cannot lock ${file}: flock ended with ${code}`)));
    });
    clearTimeout(patience);
    return await work();
  } finally {
    clearTimeout(patience);
    holder.stdin.end();
    if (holder.pid !== undefined) await ended;
  }
};
