import { join } from 'node:path';
import { parseArgs } from 'node:util';

const checkout = join(import.meta.dirname, '..');

const usage = `usage: node lab/cli.ts up [--context <name>]
       node lab/cli.ts down [--purge]

up      brings the platform up on this machine (Debian family, root), or continues an interrupted run
        --context <name>  applies it to a cluster that you have, by the name of its context
down    stops everything and leaves the host as it was; data stays
        --purge           erases the lab's data as well
`;

const main = async (): Promise<void> => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      context: { type: 'string' },
      purge: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [command] = positionals;
  if (values.help) {
    console.log(usage);
    return;
  }
  if (positionals.length !== 1 || (command !== 'up' && command !== 'down')) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  if (command === 'down') {
    const { down } = await import('./down.ts');
    await down({ checkout, purge: values.purge });
  } else if (values.context !== undefined) {
    const { upOnContext } = await import('./context.ts');
    await upOnContext(checkout, values.context);
  } else {
    const { up } = await import('./up.ts');
    await up(checkout);
  }
};

try {
  await main();
} catch (error) {
  // What a person can mend is told in a line; the trace of anything else is wanted in a report.
  if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) {
    console.error(`plinth: ${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
  const expected = ['Unmet', 'ForeignLab', 'ForeignPods', 'RunError'].includes((error as Error).name);
  console.error(`plinth: ${expected ? (error as Error).message : ((error as Error).stack ?? String(error))}`);
  process.exitCode = 1;
}
