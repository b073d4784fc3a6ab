import { join } from 'node:path';
import { parseArgs } from 'node:util';

const checkout = join(import.meta.dirname, '..');

const usage = `usage: node lab/cli.ts up [--context <name> [--environment <name>] [--no-wait]]
       node lab/cli.ts down [--purge]

up      brings the platform up on this machine (Debian family, root), or continues an interrupted run
        --context <name>      applies it to a cluster that you have, by the name of its context
        --environment <name>  one of environments/ (default: local)
        --no-wait             applies without waiting for anything to become ready
down    stops everything and leaves the host as it was; data stays
        --purge               erases the lab's data as well
        --context <name>      tells how Plinth is taken off that cluster
`;

const main = async (): Promise<void> => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      context: { type: 'string' },
      environment: { type: 'string' },
      'no-wait': { type: 'boolean', default: false },
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
  const { context, environment = 'local' } = values;
  if (context !== undefined) {
    const { downOnContext, upOnContext } = await import('./context.ts');
    if (command === 'down') downOnContext(checkout, context);
    else await upOnContext({ checkout, context, environment, wait: !values['no-wait'] });
    return;
  }
  if (environment !== 'local' || values['no-wait']) {
    console.error(
      "plinth: the lab runs the environment local and waits for it; for another cluster: CONTEXT=<its context's name>",
    );
    process.exitCode = 2;
  } else if (command === 'down') {
    const { down } = await import('./down.ts');
    await down({ checkout, purge: values.purge });
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
  const names = ['Unmet', 'ForeignLab', 'ForeignPods', 'RunError', 'UpdateFailed', 'EnvironmentError'];
  const expected = names.includes((error as Error).name);
  console.error(`plinth: ${expected ? (error as Error).message : ((error as Error).stack ?? String(error))}`);
  // What is still waited for (a connection to a cluster that doesn't answer) is of no use any more.
  process.exit((error as Error).name === 'EnvironmentError' ? 2 : 1);
}
