import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inCompany } from './company.ts';
import type { Outcome } from './outcome.ts';
import { lanes, stages } from './stages.ts';

const program = join(import.meta.dirname, 'stage.ts');

const exited = (args: readonly string[], output: number | 'inherit'): Promise<void> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', output, output] });
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });

/** Runs a stage in a process of its own. */
const runStage = async (name: string, alone: boolean): Promise<Outcome> => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-outcome-'));
  const report = join(folder, 'outcome.json');
  const begun = performance.now();
  try {
    if (alone) {
      console.log(`\n=== ${name}`);
      await exited([program, name, report], 'inherit');
    } else await inCompany(name, (output) => exited([program, name, report], output));
    return JSON.parse(readFileSync(report, 'utf8')) as Outcome;
  } catch (error) {
    const failures = [`${name} ended without an outcome: ${error}`];
    return { passed: 0, failed: 1, failures, skipped: [], seconds: (performance.now() - begun) / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const wanted = process.argv.slice(2);
if (wanted.includes('--help')) {
  console.log(`usage: node tests/run.ts [stage ...]\nstages: ${Object.keys(stages).join(', ')}`);
  process.exit(0);
}
const unknown = wanted.filter((name) => stages[name] === undefined);
if (unknown.length > 0) {
  console.error(`no such stage: ${unknown.join(', ')}; there are: ${Object.keys(stages).join(', ')}`);
  process.exit(2);
}
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);
const begun = performance.now();
const outcomes = new Map<string, Outcome>();
const chosen = lanes.map((lane) => lane.filter(isWanted)).filter((lane) => lane.length > 0);
const runLane = async (lane: readonly string[]): Promise<void> => {
  for (const name of lane) outcomes.set(name, await runStage(name, chosen.length === 1));
};
await Promise.all(chosen.map(runLane));
const all = Object.keys(stages).flatMap((name) => {
  const outcome = outcomes.get(name);
  return outcome === undefined ? [] : [[name, outcome] as const];
});
console.log('\nstage            passed  failed  skipped  seconds');
const row = (name: string, ...numbers: readonly number[]): string =>
  `${name.padEnd(16)} ${numbers.map((each, index) => each.toFixed(0).padStart([6, 7, 8, 8][index] ?? 8)).join(' ')}`;
for (const [name, { passed, failed, skipped, seconds }] of all)
  console.log(row(name, passed, failed, skipped.length, seconds));
const passed = all.reduce((sum, [, outcome]) => sum + outcome.passed, 0);
const failed = all.reduce((sum, [, outcome]) => sum + outcome.failed, 0);
const skipped = all.reduce((sum, [, outcome]) => sum + outcome.skipped.length, 0);
console.log(row('all', passed, failed, skipped, (performance.now() - begun) / 1000));
for (const [name, outcome] of all)
  for (const each of outcome.skipped) console.log(`\nSKIPPED in ${name}: ${each}`);
for (const [name, { unsteady = [] }] of all)
  for (const failure of unsteady) console.log(`\nUNSTEADY in ${name}, passed in a second run: ${failure}`);
for (const [name, { failures }] of all)
  for (const failure of failures) console.log(`\nFAILED in ${name}: ${failure}`);
console.log(`\n${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
