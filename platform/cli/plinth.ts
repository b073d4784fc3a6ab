import { parseArgs } from 'node:util';
import { UsageError } from './usage.ts';

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

type Value = string | boolean | readonly (string | boolean)[] | undefined;
type Values = Readonly<Record<string, Value>>;

interface Command {
  readonly summary: string;
  readonly help: string;
  readonly options: Options;
  /** How many words may follow the command. */
  readonly words: number;
  readonly run: (words: readonly string[], values: Values) => Promise<number>;
}

const text = (value: Value): string | undefined => (typeof value === 'string' ? value : undefined);
const texts = (value: Value): readonly string[] => (Array.isArray(value) ? value.map(String) : []);
const present = <Name extends string>(name: Name, value: string | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { readonly [key in Name]?: string };

/** Commands load what they need when they are run: --help costs nothing. */
const commands: Readonly<Record<string, Command>> = {
  diff: {
    summary: 'what this checkout changes in the rendered platform',
    help: `Compares the rendered objects of this checkout, uncommitted changes included, with those of another revision.

Usage: plinth diff --base <revision> [environment] [--markdown]

  --base REVISION  a branch, a tag or a commit
  environment      one of environments/ (default: all)
  --markdown       for a comment on a pull request

Objects are added (+), removed (-) or changed (~), with each field's old and new value. "restarts" marks workloads
whose pods are replaced, "replaces" objects that are deleted and made again, "runs again" Jobs. Values of Secrets
are in no rendering.
`,
    options: { base: { type: 'string' }, markdown: { type: 'boolean' } },
    words: 1,
    run: async ([environment], { base, markdown }) => {
      if (text(base) === undefined) throw new UsageError('diff needs --base <revision>');
      const { diff } = await import('./diff.ts');
      const options = { base: String(base), markdown: markdown === true };
      console.log(await diff({ ...options, ...present('environment', environment) }));
      return 0;
    },
  },
  status: {
    summary: "what runs on a cluster, what doesn't, and why",
    help: `Tells of every workload and Job of the platform whether it is well, and of what is ill why: what containers wait
for, why pods aren't scheduled, the last lines of what failed. Also what is left out, and what is a stand-in.

Usage: plinth status [--context <name>] [--kubeconfig <file>] [--environment <name>]

  --context NAME      a context of the kubeconfig (default: the lab's cluster)
  --kubeconfig FILE   default: the lab's; with --context, KUBECONFIG or ~/.kube/config
  --environment NAME  which components should be there (default: local)

Ends with 1 if something is ill or the cluster can't be read.
`,
    options: { context: { type: 'string' }, kubeconfig: { type: 'string' }, environment: { type: 'string' } },
    words: 0,
    run: async (_, { context, kubeconfig, environment }) => {
      const { status } = await import('./status.ts');
      const found = await status({
        ...present('context', text(context)),
        ...present('kubeconfig', text(kubeconfig)),
        environment: text(environment) ?? 'local',
      });
      console.log(found.text);
      return found.well ? 0 : 1;
    },
  },
  destroy: {
    summary: 'takes a stack down, keeps its data, and tells what remains',
    help: `Destroys everything of a stack but its volumes and the namespaces around them, and tells what remains and how to
remove it. Needs \`pulumi\` on PATH, logged in to the stack's backend.

Usage: plinth destroy <stack> [--yes] [--confirm-data-loss <namespace>/<claim>]... [--config-file <file>]

  --yes                       destroys; without it, only tells what would go and what would remain
  --confirm-data-loss VOLUME  this volume goes too, with its data, or all homes of notebooks: <namespace>/homes; may be
                              given several times
  --config-file FILE          the stack's settings (default: Pulumi.<stack>.yaml)
`,
    options: {
      yes: { type: 'boolean' },
      'confirm-data-loss': { type: 'string', multiple: true },
      'config-file': { type: 'string' },
    },
    words: 1,
    run: async ([stack], values) => {
      if (stack === undefined) throw new UsageError('destroy needs the name of a stack');
      const { destroy } = await import('./destroy.ts');
      return destroy({
        stack,
        yes: values['yes'] === true,
        confirmDataLoss: texts(values['confirm-data-loss']),
        ...present('configFile', text(values['config-file'])),
      });
    },
  },
  promote: {
    summary: "takes a model version from one environment's registry to another's",
    help: `Takes a version from one MLflow's registry to another's: the same bytes, with the run, git revision and data
version they come from, checked by a digest. Refuses a version that lacks one of them (plinth.track() records them).
Repeating it changes nothing.

Usage: plinth promote <model> <version> --from <url> --to <url> [options]

  --from URL, --to URL         the two MLflows, such as https://mlflow.example.com
  --from-token-file FILE       holds a bearer token; without it PLINTH_FROM_TOKEN, or none
  --to-token-file FILE         the same for the target: PLINTH_TO_TOKEN
  --workspace NAME             the team's, in both
  --to-workspace NAME          another one in the target
  --alias NAME                 set on the version there, such as champion: the promoter begins its rollout
  --dry-run                    reads and checks, changes nothing

An authority of one's own: NODE_EXTRA_CA_CERTS=file. Ends with 1 if the version is refused or a registry fails.
`,
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      'from-token-file': { type: 'string' },
      'to-token-file': { type: 'string' },
      workspace: { type: 'string' },
      'to-workspace': { type: 'string' },
      alias: { type: 'string' },
      'dry-run': { type: 'boolean' },
    },
    words: 2,
    run: async ([model, version], values) => {
      const from = text(values['from']);
      const to = text(values['to']);
      if (model === undefined || version === undefined)
        throw new UsageError('promote needs <model> <version>');
      if (from === undefined || to === undefined) throw new UsageError('promote needs --from and --to');
      const { promoteBetween } = await import('./promote.ts');
      const workspace = text(values['workspace']);
      await promoteBetween({
        ...{ model, version, from, to, dryRun: values['dry-run'] === true },
        ...present('fromTokenFile', text(values['from-token-file'])),
        ...present('toTokenFile', text(values['to-token-file'])),
        ...present('fromWorkspace', workspace),
        ...present('toWorkspace', text(values['to-workspace']) ?? workspace),
        ...present('alias', text(values['alias'])),
      });
      return 0;
    },
  },
};

const help = (): string =>
  [
    'Shows what the platform is, what a change does to it, and how it fares.',
    '',
    'Usage: plinth <command> [options]',
    '',
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`),
    '  --help     this text; plinth <command> --help tells more',
    '',
    'Ends with 2 if the command line has mistakes.',
    '',
  ].join('\n');

const main = async (args: readonly string[]): Promise<number> => {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    throw new UsageError(`no command ${name}; there are ${Object.keys(commands).join(', ')}`);
  const parsed = (() => {
    try {
      return parseArgs({
        args: rest,
        options: { ...command.options, help: { type: 'boolean', short: 'h' } },
        allowPositionals: true,
      });
    } catch (error) {
      throw new UsageError((error as Error).message);
    }
  })();
  const values = parsed.values as Values;
  if (values['help'] === true) {
    process.stdout.write(command.help);
    return 0;
  }
  const surplus = parsed.positionals[command.words];
  if (surplus !== undefined) throw new UsageError(`${name} takes no further word, got ${surplus}`);
  return command.run(parsed.positionals, values);
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (error instanceof UsageError) console.error('plinth --help tells more');
  process.exitCode = error instanceof UsageError || (error as Error).name === 'EnvironmentError' ? 2 : 1;
}
