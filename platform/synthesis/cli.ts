import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { environments } from '../../environments/index.ts';
import { checkTree } from '../checks/index.ts';
import { compose } from '../compose.ts';
import { EnvironmentError, parseEnvironment } from '../spec.ts';
import { unknownEnvironment } from '../unknown-environment.ts';
import { DependencyCycleError, SynthesisError, type SynthesizedChart, synthesize } from './index.ts';
import { writeManifests } from './write.ts';

const names = Object.keys(environments);

const help = `Writes the Kubernetes manifests of an environment, one file per chart, in apply order.

Usage: node platform/synth.ts <environment>... [--out dist]
       node platform/synth.ts --all [--out dist]

  <environment>  ${names.join(', ')}: a file of environments/
  --all          every environment
  --out FOLDER   manifests go to FOLDER/<environment>/ (default: dist)
  --help         this text

Ends with 2, and writes nothing, if the command or an environment has mistakes.
`;

/** The command itself is wrong. */
class UsageError extends Error {}

interface Arguments {
  readonly help: boolean;
  readonly chosen: readonly string[];
  readonly out: string;
}

const readArguments = (): Arguments => {
  try {
    const { values, positionals } = parseArgs({
      options: { all: { type: 'boolean' }, out: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    // cdk8s' own command line says by CDK8S_OUTDIR where it will look for manifests.
    const out = values.out ?? process.env['CDK8S_OUTDIR'] ?? 'dist';
    return { help: values.help === true, chosen: values.all === true ? names : positionals, out };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
};

const render = (name: string): readonly SynthesizedChart[] => {
  const { app } = compose(parseEnvironment(name, environments[name]));
  const charts = synthesize(app);
  const mistakes = checkTree(app, charts);
  if (mistakes.length > 0) throw new SynthesisError(mistakes);
  return charts;
};

/** Composes all, then writes all: one environment with mistakes leaves every folder as it was. */
const write = (): void => {
  const args = readArguments();
  if (args.help) {
    process.stdout.write(help);
    return;
  }
  if (args.chosen.length === 0) throw new UsageError('no environment is named');
  const unknown = args.chosen.filter((name) => !Object.hasOwn(environments, name));
  if (unknown.length > 0) throw new UsageError(unknownEnvironment(unknown, names));
  // cdk8s would leave the fields of objects unsorted, and the bytes different from everybody else's.
  delete process.env['CDK8S_DISABLE_SORT'];
  for (const [name, charts] of args.chosen.map((name) => [name, render(name)] as const)) {
    const folder = join(args.out, name);
    writeManifests(folder, charts);
    for (const { file, objects, text } of charts) {
      const path = relative('.', join(folder, file));
      const count = `${objects.length} ${objects.length === 1 ? 'object' : 'objects'}`;
      console.log(`${path}  ${count}, ${Buffer.byteLength(text)} bytes`);
    }
  }
};

/** The command `node platform/synth.ts`; the result is its exit code. */
export const main = (): number => {
  try {
    write();
    return 0;
  } catch (error) {
    if (error instanceof EnvironmentError || error instanceof UsageError) {
      console.error(error.message);
      if (error instanceof UsageError) console.error('node platform/synth.ts --help tells more');
      return 2;
    }
    if (error instanceof SynthesisError || error instanceof DependencyCycleError) {
      console.error(error.message);
      return 1;
    }
    throw error;
  }
};
