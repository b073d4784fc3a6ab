import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Counted } from './outcome.ts';

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

/** Runs one command with its output passed on; resolves to its exit code. */
export const execute = (
  command: readonly string[],
  output: number | 'inherit' = 'inherit',
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> =>
  new Promise((resolve) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', output, output] });
    child.on('error', (error) => {
      console.error(String(error));
      resolve(127);
    });
    child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
  });

const firstLines = (text: string): string =>
  stripVTControlCharacters(text).split('\n').slice(0, 6).join('\n      ');

export interface JestProps {
  readonly project: string;
  /** Paths of the files to run, one after the other in this order; unset: all of the project, in jest's. */
  readonly files?: readonly string[];
  readonly output?: number | 'inherit';
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a project of jest.config.js, or some files of it. */
export const jest = async ({ project, files = [], output, env }: JestProps): Promise<Counted> => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-test-'));
  const report = join(folder, 'report.json');
  try {
    const binary = join(root, 'node_modules/jest/bin/jest.js');
    const options = ['--ci', '--json', `--outputFile=${report}`, '--selectProjects', project];
    const serial = project === 'unit' ? [] : ['--runInBand'];
    const order = join(import.meta.dirname, 'in-order.js');
    const only = files.length === 0 ? [] : [`--testSequencer=${order}`, '--runTestsByPath', ...files];
    await execute([process.execPath, binary, ...options, ...serial, ...only], output, env);
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
