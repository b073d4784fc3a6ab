import { chmodSync, copyFileSync, existsSync, linkSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, contentKey } from '../support/cache.ts';
import { run } from '../support/exec.ts';
import { goEnvironment, goTool } from '../support/go.ts';

const here = import.meta.dirname;
const providerSources = join(here, '../provider');

interface Program {
  readonly name: string;
  /** The folder of the Go module that pins it. */
  readonly module: string;
  readonly package: string;
  /** Linker variables, such as the version that the program reports. */
  readonly variables?: Readonly<Record<string, string>>;
}

const pinned = (module: string, dependency: string): string => {
  const goMod = readFileSync(join(here, module, 'go.mod'), 'utf8');
  const words = goMod.split('\n').map((line) => line.trim().split(' '));
  const version = words.find(([name]) => name === dependency)?.[1];
  if (version === undefined) throw new Error(`lab/pulumi/${module}/go.mod names no version of ${dependency}`);
  return version;
};

/**
 * The version of the provider that the program asks for. The stand-in reports the same one, because the engine warns
 * about an older provider than the SDK.
 */
const sdkVersion = (): string => {
  const manifest = JSON.parse(readFileSync(join(here, '../../package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const version = manifest.dependencies['@pulumi/kubernetes'];
  if (version === undefined) throw new Error('package.json names no version of @pulumi/kubernetes');
  return version;
};

const programs = (): readonly Program[] => [
  {
    name: 'pulumi',
    module: join(here, 'cli'),
    package: 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi',
    variables: {
      'github.com/pulumi/pulumi/sdk/v3/go/common/version.Version': pinned(
        'cli',
        'github.com/pulumi/pulumi/sdk/v3',
      ),
    },
  },
  {
    name: 'pulumi-language-nodejs',
    module: join(here, 'language-nodejs'),
    package: 'github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs',
  },
  {
    name: 'pulumi-resource-kubernetes',
    module: providerSources,
    package: '.',
    variables: { 'main.version': sdkVersion() },
  },
];

const build = (program: Program, log?: string): Promise<string> => {
  const go = goTool();
  const variables = Object.entries(program.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const linker = ['-s', '-w', ...variables].join(' ');
  const sources = readdirSync(program.module, { recursive: true, encoding: 'utf8' })
    .filter((file) => file === 'go.mod' || file === 'go.sum' || /(?<!_test)\.go$/.test(file))
    .toSorted()
    .map((file) => join(program.module, file));
  const key = contentKey(sources, [program.package, linker, process.arch]);
  return cached(`pulumi/${program.name}`, key, async (folder) => {
    const command = [go, 'build', '-ldflags', linker, '-o', join(folder, program.name), program.package];
    await run(command, { cwd: program.module, env: goEnvironment(), ...(log === undefined ? {} : { log }) });
  });
};

/**
 * A folder to put first on PATH: the Pulumi CLI, its Node.js language host and the lab's stand-in for the Kubernetes
 * provider, each built once for this machine (minutes when nothing is cached). `log` receives the compiler's output.
 * Rejects with the compiler's last lines.
 */
export const pulumiToolchain = async (log?: string): Promise<{ readonly path: string }> => {
  const built: string[] = [];
  // One after the other: each go build takes every core that there is.
  for (const program of programs()) built.push(join(await build(program, log), program.name));
  const scripts = readdirSync(join(here, 'scripts')).map((name) => join(here, 'scripts', name));
  const path = await cached('pulumi/toolchain', contentKey(scripts, built), async (folder) => {
    for (const file of built) linkSync(file, join(folder, file.slice(file.lastIndexOf('/') + 1)));
    for (const script of scripts) {
      const target = join(folder, script.slice(script.lastIndexOf('/') + 1));
      copyFileSync(script, target);
      chmodSync(target, 0o755);
    }
  });
  return { path };
};

/**
 * What a Pulumi command needs in its environment where no plugin can be downloaded: the tool chain first on PATH, this
 * Node.js for the program, and no attempt to fetch plugins or look for updates. PLINTH_PROVIDER=official takes the
 * official provider instead of the stand-in, and lets Pulumi download it.
 */
export const offlineEnvironment = (
  toolchain: { readonly path: string },
  base: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv => {
  const node = join(process.execPath, '..');
  if (!existsSync(join(node, 'node'))) throw new Error(`${node} holds no program named node`);
  const plugins =
    base['PLINTH_PROVIDER'] === 'official'
      ? { PULUMI_IGNORE_AMBIENT_PLUGINS: 'true' }
      : { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true' };
  return {
    ...base,
    PATH: `${toolchain.path}:${node}:${base['PATH'] ?? '/usr/bin:/bin'}`,
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    ...plugins,
  };
};
