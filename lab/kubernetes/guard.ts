import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { join } from 'node:path';

/**
 * Ends the daemons recorded in `folder` when this process ends without having stopped them (a killed test run):
 * a child waits on a pipe that only our end can close. The function it gives back dismisses it.
 */
export const guard = (folder: string): (() => void) => {
  const script = `
    import(process.argv[1]).then(async ({ Daemons }) => {
      for await (const chunk of process.stdin) if (String(chunk).includes('dismissed')) process.exit(0);
      const daemons = new Daemons(process.argv[2]);
      for (const name of daemons.names()) await daemons.stop(name, 2);
    });`;
  const module = join(import.meta.dirname, 'daemons.ts');
  const watcher = spawn(process.execPath, ['-e', script, module, folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.stdin.on('error', () => undefined);
  watcher.unref();
  // The pipe, a socket to Node, must not keep the caller running either.
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
  return () => {
    watcher.stdin.end('dismissed');
  };
};
