import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alone } from './alone.ts';
import { goTest } from './go.ts';
import { execute, jest } from './jest.ts';
import { labTests } from './lab-stage.ts';
import { nodeTest } from './node.ts';
import { type Counted, type Outcome, together } from './outcome.ts';
import { stages } from './stages.ts';

const root = join(import.meta.dirname, '..');

/** One package after the other: two test runs at once on a small machine are slower and less certain. */
const nodeTests = async (packages: readonly string[]): Promise<Counted> => {
  const counts: Counted[] = [];
  // What Node.js' tests skip is a failure.
  for (const name of packages) counts.push({ ...(await nodeTest(root, name)), skipped: [] });
  return together(counts);
};

const runStage = (name: string, files: readonly string[] = []): Promise<Outcome> =>
  stages[name]?.changesHost === true ? alone('host', () => counted(name, files)) : counted(name, files);

const counted = async (name: string, files: readonly string[]): Promise<Outcome> => {
  const begun = performance.now();
  const stage = stages[name];
  let outcome: Counted = { passed: 0, failed: 0, failures: [], skipped: [] };
  if (stage?.kind === 'jest') outcome = await jest({ project: stage.project, files });
  else if (stage?.kind === 'lab')
    outcome = files.length === 0 ? await labTests(stage) : await jest({ project: 'lab', files });
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
