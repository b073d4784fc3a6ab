import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { Daemons } from '../../lab/kubernetes/daemons.ts';
import { run as layout } from '../../lab/kubernetes/layout.ts';
import { run } from '../../lab/support/exec.ts';
import { holdsAlone } from '../alone.ts';
import { type HostState, hostDifferences, hostState } from './host.ts';
import { asIs, hostBefore } from './owner.ts';
import { checkout, client, eventually, labFile } from './support.ts';

jest.setTimeout(30 * 60_000);

/** A lab that somebody works with isn't stopped under their hands, unless they say so. */
const mayStop = !asIs() || process.env['PLINTH_LAB_RESTART'] === '1';

const lab = (...args: readonly string[]): Promise<string> =>
  run([process.execPath, 'lab/cli.ts', ...args], { cwd: checkout, timeoutMs: 25 * 60_000 });

const running = (name: string): boolean => new Daemons(layout.processes).pid(name) !== undefined;

/** Begins `make up`, and interrupts it as Ctrl-C does (its whole group) as soon as it says this. Resolves to all it said. */
const interruptedUp = (at: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['lab/cli.ts', 'up'], {
      cwd: checkout,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const hear = (chunk: Buffer): void => {
      const before = said.includes(at);
      said += String(chunk);
      if (!before && said.includes(at)) process.kill(-(child.pid ?? 0), 'SIGINT');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', reject);
    child.on('close', (code) => {
      if (said.includes(at) && code !== 0) resolve(said);
      else
        reject(
          new Error(`make up ended with ${code} and was not interrupted at "${at}":\n${said.slice(-2000)}`),
        );
    });
  });

holdsAlone('host');

(mayStop ? describe : describe.skip)('stopped and started again', () => {
  let logged = '';
  beforeAll(async () => {
    logged = (JSON.parse(await client('log_run.py', ['lifecycle', 'before the stop'])) as { run: string })
      .run;
  });

  test('make down ends everything, keeps the data, and leaves the host as it was before the first make up', async () => {
    await lab('down');
    expect(existsSync(labFile('data/volumes'))).toBe(true);
    expect(existsSync(layout.root)).toBe(false);
    // A lab that is taken as it is was started when nobody wrote down what the host was like.
    if (existsSync(hostBefore)) {
      const before = JSON.parse(readFileSync(hostBefore, 'utf8')) as HostState;
      expect(hostDifferences(before, hostState())).toEqual([]);
    }
  });

  test('a make up that was interrupted in its middle is continued by the next', async () => {
    await interruptedUp('answers at https://');
    expect([running('kube-apiserver'), running('kubelet')]).toEqual([true, false]);
    await lab('up');
    expect(running('kubelet')).toBe(true);
  });

  test('a run that was logged before is there after, artifact included', async () => {
    const read = await eventually(
      'the run from before the stop',
      async () => JSON.parse(await client('read_run.py', [logged])) as { note: string },
      ({ note }) => note === 'before the stop',
    );
    expect(read).toEqual({ params: { depth: '7' }, metrics: { accuracy: 0.875 }, note: 'before the stop' });
  });
});
