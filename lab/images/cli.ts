import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { image, imageNames, reference } from '../../constructs/catalogue/index.ts';
import { ensureDebianPackages } from '../support/apt.ts';
import { run } from '../support/exec.ts';
import { type BuiltImage, ensureImages } from './build.ts';

const help = `make images                            builds every image that isn't in the cache yet
make images ONLY="mlflow traefik"      only these (there are ${imageNames.join(', ')})
make images PUSH=registry.example.com  and pushes them; log in with \`skopeo login\` first

An environment takes them from there with imageRegistry: 'registry.example.com'.
PLAIN_HTTP=1 pushes to a registry without TLS.`;

const push = async (built: BuiltImage, registry: string): Promise<string> => {
  const target = reference(image(built.name), registry);
  const tls = process.env['PLAIN_HTTP'] === '1' ? ['--dest-tls-verify=false'] : [];
  await run([
    'skopeo',
    '--insecure-policy',
    'copy',
    ...tls,
    `docker-archive:${built.archive}`,
    `docker://${target}`,
  ]);
  return target;
};

const digestOf = (source: string): Promise<string> =>
  run(['skopeo', '--insecure-policy', 'inspect', '--format', '{{.Digest}}', source]);

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { push: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    console.log(help);
    return;
  }
  const logs = join(import.meta.dirname, '..', '..', '.lab', 'logs');
  mkdirSync(logs, { recursive: true });
  const log = join(logs, 'images.log');
  const built = await ensureImages({
    log,
    note: console.log,
    ...(positionals.length === 0 ? {} : { only: positionals }),
  });
  await ensureDebianPackages(['skopeo'], log);
  for (const each of built) {
    const registry = values.push?.replace(/\/$/, '');
    const name = registry === undefined ? each.reference : await push(each, registry);
    const tls = process.env['PLAIN_HTTP'] === '1' ? ['--tls-verify=false'] : [];
    const digest =
      registry === undefined
        ? await digestOf(`docker-archive:${each.archive}`)
        : await run(['skopeo', 'inspect', ...tls, '--format', '{{.Digest}}', `docker://${name}`]);
    console.log(`${name}  ${digest.trim()}${registry === undefined ? `  ${each.archive}` : ''}`);
  }
};

try {
  await main();
} catch (error) {
  console.error(`plinth images: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
