import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { goTest } from './go.ts';
import { nodeTest } from './node.ts';
import { stages } from './stages.ts';

/** What a stage came to: counts, the names and first lines of its failures, and how long it took. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
  /** What was left out, and why where that is known. */
  readonly skipped: readonly string[];
  readonly seconds: number;
  /** Of a jest project: the files in which something failed, and how many tests passed in the others. */
  readonly again?: { readonly files: readonly string[]; readonly passedElsewhere: number };
  /** What failed first and passed when the whole stage ran again. */
  readonly unsteady?: readonly string[];
}

interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const root = join(import.meta.dirname, '..');

/** Runs one command with its output passed through; resolves to its exit code. */
const execute = (command: readonly string[]): Promise<number> =>
  new Promise((resolve) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', (error) => {
      console.error(String(error));
      resolve(127);
    });
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });

const firstLines = (text: string): string =>
  stripVTControlCharacters(text).split('\n').slice(0, 6).join('\n      ');

const jest = async (project: string, files: readonly string[] = []): Promise<Omit<Outcome, 'seconds'>> => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-test-'));
  const report = join(folder, 'report.json');
  try {
    const binary = join(root, 'node_modules/jest/bin/jest.js');
    const options = ['--ci', '--json', `--outputFile=${report}`, '--selectProjects', project];
    const serial = project === 'unit' ? [] : ['--runInBand'];
    const only = files.length === 0 ? [] : ['--runTestsByPath', ...files];
    await execute([process.execPath, binary, ...options, ...serial, ...only]);
    const found = JSON.parse(readFileSync(report, 'utf8')) as JestReport;
    const failures = found.testResults.flatMap((file) => {
      const tests = file.assertionResults
        .filter((test) => test.status === 'failed')
        .map((test) => `${test.fullName}\n      ${firstLines(test.failureMessages[0] ?? '')}`);
      return tests.length === 0 && file.message !== '' && file.assertionResults.length === 0
        ? [`${file.name}\n      ${firstLines(file.message)}`]
        : tests;
    });
    // Not only tests fail: what is done before or after them does, too.
    const bad = found.testResults.filter(({ status }) => status === 'failed');
    const passedInBad = bad.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === 'passed'),
    );
    return {
      passed: found.numPassedTests,
      failed: found.numFailedTests + found.numRuntimeErrorTestSuites,
      failures,
      skipped: found.testResults.flatMap(({ assertionResults }) =>
        assertionResults.filter(({ status }) => status === 'pending').map(({ fullName }) => fullName),
      ),
      again: {
        files: bad.map(({ name }) => name),
        passedElsewhere: found.numPassedTests - passedInBad.length,
      },
    };
  } catch (error) {
    return {
      passed: 0,
      failed: 1,
      failures: [`jest of ${project} ended without a report: ${error}`],
      skipped: [],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** One package after the other: two test runs at once on a small machine are slower and less certain. */
const nodeTests = async (packages: readonly string[]): Promise<Omit<Outcome, 'seconds'>> => {
  const counts = [];
  for (const name of packages) counts.push(await nodeTest(root, name));
  return {
    passed: counts.reduce((sum, { passed }) => sum + passed, 0),
    failed: counts.reduce((sum, { failed }) => sum + failed, 0),
    failures: counts.flatMap(({ failures }) => failures),
    // What Node.js' tests skip is a failure.
    skipped: [],
  };
};

const runStage = async (name: string, files: readonly string[] = []): Promise<Outcome> => {
  const begun = performance.now();
  const stage = stages[name];
  let outcome: Omit<Outcome, 'seconds'> = { passed: 0, failed: 0, failures: [], skipped: [] };
  if (stage?.kind === 'jest') outcome = await jest(stage.project, files);
  else if (stage?.kind === 'go') outcome = await goTest(join(root, stage.module), stage.debianPackages);
  else if (stage?.kind === 'node') outcome = await nodeTests(stage.packages);
  else {
    for (const { title, command } of stage?.commands ?? []) {
      const code = await execute(command);
      outcome =
        code === 0
          ? { ...outcome, passed: outcome.passed + 1 }
          : {
              ...outcome,
              failed: outcome.failed + 1,
              failures: [...outcome.failures, `${title}: ${command.join(' ')} ended with ${code}`],
            };
    }
  }
  return { ...outcome, seconds: (performance.now() - begun) / 1000 };
};

/**
 * Stages that start real servers get one second run, told in the summary: on a busy machine a kernel or a package
 * registry may let one down. Of a jest project only the files run again in which something failed, on servers of
 * their own. What is broken fails twice.
 */
const runTwiceAtMost = async (name: string): Promise<Outcome> => {
  const first = await runStage(name);
  const nothing = first.passed + first.failed === 0;
  if (nothing) return { ...first, failed: 1, failures: [`${name} ran no test`] };
  if (first.failed === 0 || stages[name]?.startsServers !== true) return first;
  console.log(`\n=== ${name}, once more: ${first.failed} failed`);
  const repeated = await runStage(name, first.again?.files);
  const seconds = first.seconds + repeated.seconds;
  const second = {
    ...repeated,
    passed: repeated.passed + (first.again?.passedElsewhere ?? 0),
    skipped: first.skipped,
  };
  return second.failed > 0
    ? {
        ...second,
        seconds,
        failures: [...second.failures, ...first.failures.map((each) => `first run: ${each}`)],
      }
    : { ...second, seconds, unsteady: first.failures };
};

// node tests/stage.ts <stage> <file>: one stage, whose outcome is written to the file; tests/run.ts runs several.
const [name = '', report = ''] = process.argv.slice(2);
writeFileSync(report, JSON.stringify(await runTwiceAtMost(name)));
