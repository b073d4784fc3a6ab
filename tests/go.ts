import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ensureDebianPackages } from '../lab/support/apt.ts';
import { goEnvironment, goTool } from '../lab/support/go.ts';

/** One line of `go test -json` (cmd/test2json, and the build events that go 1.24 added). */
interface Event {
  readonly Action: string;
  readonly Package?: string;
  readonly ImportPath?: string;
  readonly Test?: string;
  readonly Output?: string;
}

/** Counts of a `go test -json` run; a test with subtests counts as its subtests. */
export interface GoCounts {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
  /** What was left out. */
  readonly skipped: readonly string[];
}

const lastLines = (output: readonly string[]): string =>
  output
    .join('')
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s*(=== |--- )/.test(line))
    .slice(-12)
    .join('\n      ');

/** Collects events one by one, so that a caller may show progress while the tests run. */
export class GoReport {
  readonly #results = new Map<string, 'pass' | 'fail' | 'skip'>();
  readonly #parents = new Set<string>();
  readonly #output = new Map<string, string[]>();
  readonly #brokenPackages = new Set<string>();

  add(event: Event): void {
    const { Action: action, Test: test = '' } = event;
    // Build events name a test binary as `module/package [module/package.test]`.
    const pkg = event.Package ?? event.ImportPath?.split(' ')[0] ?? '';
    const key = test === '' ? pkg : `${pkg}.${test}`;
    if (event.Output !== undefined) this.#output.set(key, [...(this.#output.get(key) ?? []), event.Output]);
    if (action === 'build-fail') this.#brokenPackages.add(key);
    if (action !== 'pass' && action !== 'fail' && action !== 'skip') return;
    if (test !== '') {
      this.#results.set(key, action);
      for (let cut = key.lastIndexOf('/'); cut > pkg.length; cut = key.lastIndexOf('/', cut - 1))
        this.#parents.add(key.slice(0, cut));
    } else if (action === 'fail') this.#brokenPackages.add(key);
  }

  counts(): GoCounts {
    const of = (result: 'pass' | 'fail' | 'skip') =>
      [...this.#results].filter(([, found]) => found === result).map(([key]) => key);
    const failed = of('fail').filter(
      (key) => !this.#parents.has(key) || !of('fail').some((other) => other.startsWith(`${key}/`)),
    );
    // A package that fails without a failed test did not compile, panicked or ran out of time.
    const broken = [...this.#brokenPackages].filter(
      (pkg) => !failed.some((key) => key.startsWith(`${pkg}.`)),
    );
    const failures = [...failed, ...broken];
    return {
      passed: of('pass').filter((key) => !this.#parents.has(key)).length,
      failed: failures.length,
      failures: failures.map((key) => `${key}\n      ${lastLines(this.#output.get(key) ?? [])}`),
      skipped: of('skip').map((key) => `${key}\n      ${lastLines(this.#output.get(key) ?? [])}`),
    };
  }
}

/**
 * Runs every Go test of a module, installing what they need from Debian first.
 * What keeps the tests from running at all is reported as one failure.
 */
export const goTest = async (folder: string, debianPackages: readonly string[]): Promise<GoCounts> => {
  let go: string;
  try {
    go = goTool();
    await ensureDebianPackages(debianPackages);
  } catch (error) {
    return { passed: 0, failed: 1, failures: [`before the tests of ${folder}: ${error}`], skipped: [] };
  }
  const report = new GoReport();
  const child = spawn(go, ['test', '-json', '-timeout', '20m', './...'], {
    cwd: folder,
    env: goEnvironment({ GOTOOLCHAIN: 'local' }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const code = new Promise<number>((resolve) => {
    child.on('error', () => resolve(127));
    child.on('close', (status) => resolve(status ?? 1));
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) {
      console.log(line);
      continue;
    }
    const event = JSON.parse(line) as Event;
    report.add(event);
    const shown = event.Test === undefined || /^\s*--- (FAIL|SKIP)/.test(event.Output ?? '');
    if (event.Output !== undefined && shown) process.stdout.write(event.Output);
  }
  const status = await code;
  const counts = report.counts();
  return status !== 0 && counts.failed === 0
    ? { ...counts, failed: 1, failures: [`go test in ${folder} ended with ${status}`] }
    : counts;
};
