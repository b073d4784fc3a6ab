import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scratchArchive } from '../../lab/kubernetes/images.ts';
import { releaseServices, servicesHeld, withoutServices } from '../../lab/support/apt.ts';
import { cached, cacheRoot, contentKey } from '../../lab/support/cache.ts';
import { RunError, run, runPatiently } from '../../lab/support/exec.ts';
import { withLock } from '../../lab/support/lock.ts';
import { Progress } from '../../lab/support/progress.ts';
import { together } from '../../lab/support/together.ts';

let folder = '';
const before = process.env['XDG_CACHE_HOME'];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plinth-support-'));
  process.env['XDG_CACHE_HOME'] = folder;
});
afterEach(() => {
  if (before === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = before;
  rmSync(folder, { recursive: true, force: true });
});

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe('cached', () => {
  test('concurrent callers share one build', async () => {
    let builds = 0;
    const build = async (into: string): Promise<void> => {
      builds += 1;
      writeFileSync(join(into, 'tool'), `build ${builds}`);
    };
    const found = await Promise.all([1, 2, 3].map(() => cached('tools', 'v1', build)));
    expect(new Set(found)).toEqual(new Set([join(folder, 'plinth/tools/v1')]));
    expect(builds).toBe(1);
    expect(readFileSync(join(found[0] ?? '', 'tool'), 'utf8')).toBe('build 1');
  });

  test('a failing build leaves nothing and the next one succeeds', async () => {
    const failing = cached('tools', 'v1', async (into) => {
      writeFileSync(join(into, 'half'), '');
      throw new Error('no space left');
    });
    await expect(failing).rejects.toThrow('no space left');
    const finished = await cached('tools', 'v1', async (into) => writeFileSync(join(into, 'whole'), ''));
    expect(readdirSync(finished)).toEqual(['whole']);
  });

  test('what a killed build left is cleared and never taken for a result', async () => {
    const left = join(cacheRoot(), 'tools', '.v1.unfinished');
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, 'half'), '');
    const finished = await cached('tools', 'v1', async (into) => writeFileSync(join(into, 'whole'), ''));
    expect(readdirSync(finished)).toEqual(['whole']);
    expect(existsSync(left)).toBe(false);
  });

  test('keys follow content, not location', () => {
    for (const name of ['a', 'b']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'file'), 'same');
    }
    expect(contentKey([join(folder, 'a')])).toBe(contentKey([join(folder, 'b')]));
    expect(contentKey([join(folder, 'a')])).not.toBe(contentKey([join(folder, 'a')], ['v2']));
    writeFileSync(join(folder, 'b', 'file'), 'other');
    expect(contentKey([join(folder, 'a')])).not.toBe(contentKey([join(folder, 'b')]));
  });
});

test('a changed program is an image of another name, wherever the program lies', async () => {
  const image = (path: string) =>
    scratchArchive('pause', { entrypoint: ['/pause'], files: { '/pause': { from: path } } });
  mkdirSync(join(folder, 'elsewhere'));
  const [first, second] = [join(folder, 'pause'), join(folder, 'elsewhere', 'pause')];
  for (const path of [first, second]) writeFileSync(path, 'one');
  const { reference, archive } = await image(first);
  expect(reference).toMatch(/^plinth\.local\/lab\/pause:[0-9a-f]{16}$/);
  expect(existsSync(archive)).toBe(true);
  expect(await image(second)).toEqual({ reference, archive });
  writeFileSync(second, 'two');
  expect((await image(second)).reference).not.toBe(reference);
});

describe('withLock', () => {
  test('a killed holder leaves no lock', async () => {
    const file = join(folder, 'lock');
    const module = join(__dirname, '../../lab/support/lock.ts');
    const script = `import(${JSON.stringify(module)}).then(({ withLock }) =>
      withLock(${JSON.stringify(file)}, () => { console.log('in'); setInterval(() => {}, 1e3); return new Promise(() => {}); }))`;
    const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    holder.kill('SIGKILL');
    expect(await withLock(file, async () => 'mine')).toBe('mine');
  });
});

describe('while packages are installed', () => {
  const policy = (): string => join(folder, 'policy-rc.d');
  /** What lies there when a run is killed in the middle. */
  const kill = (): void => {
    withoutServices(() => new Promise(() => undefined), policy()).catch(() => undefined);
  };

  test('no service starts, and the policy of the machine is back after', async () => {
    writeFileSync(policy(), 'its own');
    await withoutServices(async () => {
      expect(readFileSync(policy(), 'utf8')).toMatch(/^exit 101$/m);
      expect(servicesHeld(policy())).toBe(true);
    }, policy());
    expect(readFileSync(policy(), 'utf8')).toBe('its own');
    expect(servicesHeld(policy())).toBe(false);
    expect(existsSync(`${policy()}.before-plinth`)).toBe(false);
  });

  test('the policy that a killed run left is not taken for the machine’s', async () => {
    kill();
    expect(servicesHeld(policy())).toBe(true);
    await withoutServices(async () => undefined, policy());
    expect(existsSync(policy())).toBe(false);
  });

  test('a killed run’s is taken away without packages to install', () => {
    kill();
    releaseServices(policy());
    expect(existsSync(policy())).toBe(false);
    writeFileSync(policy(), 'its own');
    kill();
    releaseServices(policy());
    expect(readFileSync(policy(), 'utf8')).toBe('its own');
  });

  test('one that only does the same is the machine’s', async () => {
    writeFileSync(policy(), '#!/bin/sh\nexit 101\n');
    expect(servicesHeld(policy())).toBe(false);
    await withoutServices(async () => undefined, policy());
    expect(readFileSync(policy(), 'utf8')).toBe('#!/bin/sh\nexit 101\n');
  });
});

describe('run', () => {
  test('resolves to the output and passes the input', async () => {
    expect(await run(['cat'], { input: 'text' })).toBe('text');
  });

  test('fails with the command, its code, its last lines and its log', async () => {
    const log = join(folder, 'step.log');
    const failing = run(['sh', '-c', 'echo before; echo reason >&2; exit 3'], { log });
    const error = await failing.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(RunError);
    expect(error).toMatchObject({ exitCode: 3, log });
    expect(String(error)).toContain('reason');
    expect(String(error)).toContain(log);
    expect(readFileSync(log, 'utf8')).toContain('before');
  });

  test('a program that does not exist, and one that takes too long', async () => {
    await expect(run(['plinth-no-such-program'])).rejects.toMatchObject({ exitCode: 127 });
    await expect(run(['sleep', '60'], { timeoutMs: 50 })).rejects.toMatchObject({ exitCode: 124 });
  });
});

describe('runPatiently', () => {
  test('resolves to what the command said on both streams, and not to what the log held before', async () => {
    const log = join(folder, 'log');
    writeFileSync(log, 'before\n');
    const said = await runPatiently(['sh', '-c', 'echo one; echo two >&2'], { log });
    expect(said).toMatch(/one\ntwo\n$/);
    expect(said).not.toContain('before');
    expect(readFileSync(log, 'utf8')).toMatch(/^before\n\$ sh -c .*\none\ntwo\n$/);
    await expect(runPatiently(['sh', '-c', 'echo why; exit 3'])).rejects.toThrow(/ended with 3\n {4}why/);
    await expect(runPatiently(['no-such-program-at-all'])).rejects.toThrow(RunError);
  });

  test('a command whose caller is killed says its last words, and what it has to write down', async () => {
    const [log, done] = [join(folder, 'log'), join(folder, 'done')];
    const program = `trap 'echo "told to end"; echo kept > ${done}; exit' TERM; echo begun; while :; do sleep 0.05; done`;
    const exec = join(import.meta.dirname, '../../lab/support/exec.ts');
    const caller = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { runPatiently } from ${JSON.stringify(exec)};
       await runPatiently(['sh', '-c', ${JSON.stringify(program)}], { log: ${JSON.stringify(log)} });`,
    ]);
    const said = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');
    // The command line is in the log too: the words count where a line holds nothing else.
    await until(() => /^begun$/m.test(said()));
    caller.kill('SIGKILL');
    await until(() => existsSync(done) && readFileSync(done, 'utf8') === 'kept\n');
    expect(said()).toMatch(/^told to end$/m);
  });
});

test('progress numbers its steps and names the log of one that failed', async () => {
  const lines: string[] = [];
  const progress = new Progress(2, join(folder, 'logs'), (line) => lines.push(line));
  expect(await progress.step('First thing', async ({ note }) => note('half way'))).toBeUndefined();
  await expect(progress.step('Second', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(lines.slice(0, 2)).toEqual(['[1/2] First thing', '[1/2]   half way']);
  expect(lines.at(-1)).toMatch(/^\[2\/2\] failed after .* s: Second \(log: .*02-second\.log\)$/);
});

test('of two works side by side the second is awaited when the first fails, and both failures are told', async () => {
  let ended = false;
  const slow = (async () => {
    await new Promise((resolve) => setImmediate(resolve));
    ended = true;
  })();
  await expect(together(Promise.reject(new Error('one')), slow)).rejects.toThrow('one');
  expect(ended).toBe(true);
  const both = together(Promise.reject(new Error('one')), Promise.reject(new Error('two')));
  await expect(both).rejects.toThrow(/one[\s\S]*two/);
  expect(await together(Promise.resolve(1), Promise.resolve('b'))).toEqual([1, 'b']);
});
