import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type AbandonedObject, abandonedObjects, type ExportedState } from './abandoned.ts';
import { run } from './support/exec.ts';

/** Where one Pulumi stack of the `local` environment keeps its state, and what it applies to. */
export interface StackOptions {
  readonly checkout: string;
  /** State, stack configuration and passphrase: whoever has the folder has the secrets. */
  readonly folder: string;
  readonly context: string;
  readonly kubeconfig: string;
  /** The environment of Pulumi: its tool chain on PATH. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: string;
  /** Removes from the cluster what an interrupted update made and no update knows any more; else it stays. */
  readonly removeAbandoned?: (object: AbandonedObject) => Promise<unknown>;
}

/** What the program gives back; see platform/program.ts. */
export interface StackOutputs {
  readonly ca?: string;
  readonly endpoints: Readonly<Record<string, { readonly url: string; readonly health?: string }>>;
  readonly credentials: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const stackName = 'local';

/** Ends with us: a Pulumi that outlived a killed `make up` would hold its stack against the next one. */
const bound = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'TERM', '--'] : [];

const passphraseFile = (folder: string): string => {
  const file = join(folder, 'passphrase');
  if (!existsSync(file)) {
    writeFileSync(`${file}.unfinished`, randomBytes(32).toString('base64url'), { mode: 0o600 });
    renameSync(`${file}.unfinished`, file);
  }
  return file;
};

/** The environment in which `pulumi` alone, without options, sees the stack: what a user would export. */
export const pulumiEnvironment = (folder: string, base: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const state = join(folder, 'pulumi');
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const { PULUMI_CONFIG_PASSPHRASE: _, ...rest } = base;
  return {
    ...rest,
    PULUMI_BACKEND_URL: `file://${state}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(folder),
    PULUMI_SKIP_UPDATE_CHECK: 'true',
  };
};

/**
 * Applies the `local` environment and resolves to its outputs. Makes the stack with a root secret the first time;
 * mends what a killed update left (its lock, and objects that were made but not recorded) without asking.
 */
export const applyStack = async (options: StackOptions): Promise<StackOutputs> => {
  const { checkout, folder, log } = options;
  const env = pulumiEnvironment(folder, options.env);
  // `stack init` writes the stack's configuration beside the project it is called in: into a bare one of our own
  // and of the same name, not into the checkout.
  copyFileSync(join(checkout, 'Pulumi.yaml'), join(folder, 'Pulumi.yaml'));
  const configFile = join(folder, `Pulumi.${stackName}.yaml`);
  const pulumi = (
    args: readonly string[],
    more: { env?: NodeJS.ProcessEnv; input?: string; log?: string } = {},
  ) =>
    run([...bound, 'pulumi', ...args, '--stack', stackName, '--cwd', checkout, '--non-interactive'], {
      cwd: checkout,
      env,
      ...more,
    });
  const configured = ['--config-file', configFile];
  const listed = await run(['pulumi', 'stack', 'ls', '--json', '--cwd', checkout], { cwd: checkout, env });
  const known = (JSON.parse(listed) as readonly { name: string }[]).some(({ name }) => name === stackName);
  if (!known) await run(['pulumi', 'stack', 'init', stackName, '--no-select'], { cwd: folder, env, log });
  const existing = existsSync(configFile) ? readFileSync(configFile, 'utf8') : '';
  if (!existing.includes('plinth:rootSecret'))
    await pulumi(['config', 'set', ...configured, '--secret', 'plinth:rootSecret'], {
      log,
      input: randomBytes(32).toString('hex'),
    });
  const settings = { 'plinth:context': options.context, 'plinth:kubeconfig': options.kubeconfig };
  for (const [name, value] of Object.entries(settings))
    if (!existing.includes(`${name}: ${value}\n`))
      await pulumi(['config', 'set', ...configured, name, value], { log });

  const locks = join(folder, 'pulumi', '.pulumi', 'locks');
  const locked =
    existsSync(locks) &&
    readdirSync(locks, { recursive: true }).some((name) => String(name).endsWith('.json'));
  // `make up` holds the lab's own lock by now: whoever held this one is gone.
  if (locked) await pulumi(['cancel', '--yes'], { log });
  const exported = async (): Promise<ExportedState> =>
    JSON.parse(await pulumi(['stack', 'export'])) as ExportedState;
  const before = await exported();
  const pending = (before.deployment?.pending_operations?.length ?? 0) > 0;
  // A component that fails holds up what needs it, and nothing else; the update still fails.
  const up = ['up', '--yes', '--skip-preview', '--suppress-outputs', '--continue-on-error', ...configured];
  await pulumi(up, {
    log,
    ...(pending ? { env: { ...env, PULUMI_K8S_UPSERT_EXISTING_OBJECTS: 'true' } } : {}),
  });
  if (pending) {
    await pulumi(['refresh', '--yes', '--skip-preview', '--clear-pending-creates', ...configured], { log });
    for (const object of abandonedObjects(before, await exported())) await options.removeAbandoned?.(object);
  }
  const outputs = await pulumi(['stack', 'output', '--json', '--show-secrets']);
  return JSON.parse(outputs) as StackOutputs;
};
