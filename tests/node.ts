import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDebianPackages } from '../lab/support/apt.ts';

/** What tests/node-reporter.ts writes for each test that ended, one a line. */
export interface NodeEvent {
  readonly result: 'pass' | 'fail' | 'skip';
  readonly name: string;
  /** Of what was skipped, where it says so. */
  readonly why?: string;
  readonly file?: string;
  readonly line?: number;
  readonly error?: string;
}

export interface NodeCounts {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
}

/** Counts what a run of `node --test` reported. A run that fails without a failed test is a failure of its own. */
export const nodeCounts = (folder: string, report: string, status: number): NodeCounts => {
  const events = report
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as NodeEvent);
  // What a test lacks is brought, or the test is another stage's: one that is skipped holds nothing.
  const failures = events
    .filter(({ result }) => result !== 'pass')
    .map((event) =>
      event.result === 'skip' ? { ...event, error: `skipped: ${event.why ?? 'without a reason'}` } : event,
    )
    .map(({ name, file = folder, line = 0, error = '' }) => `${name} (${file}:${line})\n      ${error}`);
  const passed = events.filter(({ result }) => result === 'pass').length;
  if (failures.length === 0 && (status !== 0 || passed === 0))
    failures.push(`node --test in ${folder} ended with ${status} and ${passed} passed tests`);
  return { passed, failed: failures.length, failures };
};

const run = (command: readonly string[], cwd: string): Promise<number> =>
  new Promise((resolve) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', (error) => {
      console.error(String(error));
      resolve(127);
    });
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });

/** Brings a package's own dependencies, from npm's cache where it has them; nothing to do while its lock is the same. */
export const installPackages = async (folder: string): Promise<boolean> => {
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  const stamp = join(folder, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return true;
  const code = await run(['npm', 'ci', '--prefer-offline', '--silent', '--no-fund', '--no-audit'], folder);
  if (code === 0) writeFileSync(stamp, lock);
  return code === 0;
};

/** What a package's tests start beside what npm brings, as Debian packages. */
const servers: Readonly<Record<string, readonly string[]>> = {
  // Its locks are held by connections, and a database in the tests' own process has only one.
  'services/promoter': ['postgresql'],
};

/** The types and the tests (`node --test`) of a package with dependencies of its own; its type check counts as one. */
export const nodeTest = async (root: string, name: string): Promise<NodeCounts> => {
  const folder = join(root, name);
  if (!(await installPackages(folder)))
    return { passed: 0, failed: 1, failures: [`npm ci in ${name} failed`] };
  await ensureDebianPackages(servers[name] ?? []);
  const types = await run(
    [process.execPath, join(root, 'node_modules/typescript7/bin/tsc'), '-p', folder],
    root,
  );
  const reports = mkdtempSync(join(tmpdir(), 'plinth-test-'));
  try {
    const report = join(reports, 'events');
    const status = await run(
      [
        process.execPath,
        '--test',
        '--test-timeout=300000',
        '--test-reporter=spec',
        '--test-reporter-destination=stdout',
        `--test-reporter=${join(import.meta.dirname, 'node-reporter.ts')}`,
        `--test-reporter-destination=${report}`,
        'test/*.test.ts',
      ],
      folder,
    );
    const counts = nodeCounts(name, existsSync(report) ? readFileSync(report, 'utf8') : '', status);
    return types === 0
      ? { ...counts, passed: counts.passed + 1 }
      : {
          ...counts,
          failed: counts.failed + 1,
          failures: [`types of ${name}: tsc -p ${name} ended with ${types}`, ...counts.failures],
        };
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
};
