import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { bound, RunError, type RunOptions, run, runPatiently } from '../support/exec.ts';
import { waitFor } from '../support/wait.ts';
import {
  type AbandonedObject,
  abandonedObjects,
  type ExportedState,
  type StackResource,
  unknownObjects,
} from './abandoned.ts';
import { failuresOf } from './failures.ts';

export interface LocalStackProps {
  /** The folder whose Pulumi.yaml is run. */
  readonly project: string;
  /** The stack, which is the environment's name. */
  readonly name: string;
  /** State, settings and passphrase: whoever has the folder has the secrets. */
  readonly folder: string;
  /** PATH with Pulumi on it, and what its commands need besides. */
  readonly environment: NodeJS.ProcessEnv;
  /** Plain settings of the stack, such as `plinth:context`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Removes from the cluster what a killed update made and no later one knows. */
  readonly removeAbandoned: (object: AbandonedObject) => Promise<unknown>;
  /**
   * Everything in the cluster that this stack can have made. Given, a first update writes its state at its end only,
   * which takes minutes less: what one made that never came to its end is found in the cluster.
   */
  readonly ownObjects?: () => Promise<readonly AbandonedObject[]>;
}

/** What the program gives back; see platform/apply.ts. */
export interface StackOutputs {
  readonly ca?: string;
  readonly endpoints: Readonly<Record<string, { readonly url: string; readonly health?: string }>>;
  readonly credentials: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

interface Listed {
  readonly name: string;
  readonly resourceCount?: number;
}

/** An update that didn't do all it should: its message names each resource that failed, and why. */
export class UpdateFailed extends Error {
  override readonly name = 'UpdateFailed';
}

const passphraseIn = (folder: string): string => {
  const file = join(folder, 'passphrase');
  if (!existsSync(file)) {
    writeFileSync(`${file}.unfinished`, randomBytes(32).toString('base64url'), { mode: 0o600 });
    renameSync(`${file}.unfinished`, file);
  }
  chmodSync(file, 0o600);
  return file;
};

/** Whether the process runs, and isn't another one that got the same id. */
const isPulumi = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'pulumi';
  } catch {
    return false;
  }
};

/** Commands that change the cluster write down what they did, also when they are told to end in the middle. */
const changesCluster = ([command]: readonly string[]): boolean =>
  ['up', 'refresh', 'destroy'].includes(command ?? '');

/** Commands that only look at state know no settings. */
const takesSettings = ([command]: readonly string[]): boolean =>
  ['up', 'preview', 'refresh', 'destroy', 'config'].includes(command ?? '');

/** A stack whose state and passphrase are files on this machine. One process at a time uses it: its caller holds a lock. */
export class LocalStack {
  /** What Pulumi's commands need to see this stack; for hand work as well. */
  readonly environment: NodeJS.ProcessEnv;
  /** The stack's settings. */
  readonly configFile: string;
  readonly #props: LocalStackProps;
  readonly #state: string;
  /** Is there from the begin of a first update that writes no checkpoints to the end of one that has made it good. */
  readonly #firstUpdate: string;

  constructor(props: LocalStackProps) {
    const { folder, name, environment } = props;
    this.#props = props;
    this.#state = join(folder, 'pulumi');
    this.#firstUpdate = join(folder, 'first-update');
    this.configFile = join(folder, `Pulumi.${name}.yaml`);
    mkdirSync(this.#state, { recursive: true, mode: 0o700 });
    const { PULUMI_CONFIG_PASSPHRASE: _, ...rest } = environment;
    this.environment = {
      ...rest,
      PULUMI_BACKEND_URL: `file://${this.#state}`,
      PULUMI_CONFIG_PASSPHRASE_FILE: passphraseIn(folder),
      PULUMI_SKIP_UPDATE_CHECK: 'true',
    };
  }

  /**
   * Makes what isn't there yet: stack and root secret are made once and kept. Throws when the folder's cluster carries
   * another environment: two stacks would take objects from each other.
   */
  async open(options: RunOptions = {}): Promise<void> {
    const { folder, name, project, settings } = this.#props;
    const known = JSON.parse(await this.#run(['stack', 'ls', '--json'])) as readonly Listed[];
    const other = known.find((stack) => stack.name !== name && (stack.resourceCount ?? 0) > 0);
    if (other !== undefined)
      throw new UpdateFailed(
        `the environment ${other.name} is applied there already, and a cluster carries one: ` +
          `ENV=${other.name}, or take it off first (README.md, "The end")`,
      );
    if (!known.some((stack) => stack.name === name)) {
      // `stack init` writes the settings beside the Pulumi.yaml that it is called at: at one of our own.
      copyFileSync(join(project, 'Pulumi.yaml'), join(folder, 'Pulumi.yaml'));
      await this.#run(['stack', 'init', name, '--no-select'], { ...options, cwd: folder });
    }
    this.#writeEnvironment();
    const existing = existsSync(this.configFile) ? readFileSync(this.configFile, 'utf8') : '';
    if (!existing.includes('plinth:rootSecret'))
      await this.pulumi(['config', 'set', '--secret', 'plinth:rootSecret'], {
        ...options,
        input: randomBytes(32).toString('hex'),
      });
    const changed = Object.entries(settings).filter(
      ([key, value]) =>
        !existing.includes(`${key}: ${value}\n`) && !existing.includes(`${key}: "${value}"\n`),
    );
    if (changed.length === 0) return;
    const plain = changed.flatMap(([key, value]) => ['--plaintext', `${key}=${value}`]);
    await this.pulumi(['config', 'set-all', ...plain], options);
  }

  /** What a shell reads (`. pulumi.env`) to use Pulumi on this stack by hand. */
  #writeEnvironment(): void {
    const path = process.env['PATH'] ?? '';
    const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
    const lines = Object.entries(this.environment)
      .filter(([name, value]) => value !== undefined && value !== process.env[name])
      .map(([name, value = '']) =>
        name === 'PATH' && value.endsWith(`:${path}`)
          ? `export PATH=${quoted(value.slice(0, -path.length))}"$PATH"`
          : `export ${name}=${quoted(value)}`,
      );
    // The program is TypeScript: where Node.js had to be brought, Pulumi by hand needs that one too.
    const node = dirname(process.execPath);
    if (node.startsWith(join(this.#props.project, '.tools')))
      lines.push(`export PATH=${quoted(node)}:"$PATH"`);
    writeFileSync(join(this.#props.folder, 'pulumi.env'), `${lines.join('\n')}\n`, { mode: 0o600 });
  }

  /** One command of Pulumi on this stack. Rejects with its last lines. */
  pulumi(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const settings = takesSettings(args) ? ['--config-file', this.configFile] : [];
    return this.#run([...args, '--stack', this.#props.name, ...settings], options);
  }

  #run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const command = ['pulumi', '--non-interactive', '--color', 'never', ...args];
    const where = { cwd: this.#props.project, env: this.environment, ...options };
    // Either ends soon after a killed `make up`: it would hold its stack against the next.
    return changesCluster(args) ? runPatiently(command, where) : run([...bound('TERM'), ...command], where);
  }

  /**
   * Applies the environment; makes good what a killed update left (its lock, and objects that were made but not
   * recorded) without asking. A resource that fails holds up what needs it and nothing else; then rejects with
   * UpdateFailed.
   */
  async up(options: RunOptions & { readonly refresh?: boolean } = {}): Promise<string> {
    const { refresh = false, ...rest } = options;
    await this.#unlock(rest);
    const before = await this.#export();
    const unrecorded = existsSync(this.#firstUpdate);
    const killed = unrecorded || (before.deployment?.pending_operations?.length ?? 0) > 0;
    const first = this.#props.ownObjects !== undefined && (before.deployment?.resources ?? []).length === 0;
    if (first) writeFileSync(this.#firstUpdate, '');
    const up = ['up', '--yes', '--skip-preview', '--suppress-outputs', '--continue-on-error'];
    const env = {
      ...this.environment,
      ...rest.env,
      // Objects that were made and not recorded are this stack's own: they are taken over.
      ...(killed ? { PULUMI_K8S_UPSERT_EXISTING_OBJECTS: 'true' } : {}),
      // A whole checkpoint before and after each of hundreds of objects costs more than all of them.
      ...(first ? { PULUMI_SKIP_CHECKPOINTS: 'true' } : {}),
    };
    const said = await this.pulumi([...up, ...(refresh ? ['--refresh'] : [])], { ...rest, env }).catch(
      async (error) => {
        if (!(error instanceof RunError)) throw error;
        // An engine that came to its end has written what it did.
        if (!killed && (await this.resources()).length > 0) rmSync(this.#firstUpdate, { force: true });
        throw new UpdateFailed(failuresOf(error));
      },
    );
    if (killed) {
      await this.pulumi(['refresh', '--yes', '--skip-preview', '--clear-pending-creates'], rest);
      const after = await this.#export();
      const own = unrecorded ? await this.#props.ownObjects?.() : undefined;
      for (const object of [...abandonedObjects(before, after), ...unknownObjects(own ?? [], after)])
        await this.#props.removeAbandoned(object);
    }
    rmSync(this.#firstUpdate, { force: true });
    return said;
  }

  preview(options: RunOptions = {}): Promise<string> {
    return this.pulumi(['preview', '--diff'], options);
  }

  /** Undefined before the program has come to its end for the first time. */
  async outputs(): Promise<StackOutputs | undefined> {
    const text = await this.pulumi(['stack', 'output', '--json', '--show-secrets']);
    const outputs = JSON.parse(text) as Partial<StackOutputs>;
    return outputs.endpoints === undefined ? undefined : (outputs as StackOutputs);
  }

  async resources(): Promise<readonly StackResource[]> {
    return (await this.#export()).deployment?.resources ?? [];
  }

  /** How many operations were begun and not ended, as far as the state knows. */
  async pendingOperations(): Promise<number> {
    return (await this.#export()).deployment?.pending_operations?.length ?? 0;
  }

  /** Pids of updates that hold this stack, or held it when they were killed. */
  holders(): readonly number[] {
    const locks = join(this.#state, '.pulumi', 'locks');
    if (!existsSync(locks)) return [];
    return readdirSync(locks, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.json'))
      .map((file) => (JSON.parse(readFileSync(join(locks, file), 'utf8')) as { readonly pid: number }).pid);
  }

  /** No other `make up` is at work: whoever holds the stack is what a killed one left, or is on its way out. */
  async #unlock(options: RunOptions): Promise<void> {
    await waitFor('the update of a killed run ends', 120, () =>
      this.holders().some(isPulumi) ? undefined : true,
    );
    if (this.holders().length > 0) await this.pulumi(['cancel', '--yes'], options);
  }

  async #export(): Promise<ExportedState> {
    return JSON.parse(await this.pulumi(['stack', 'export'])) as ExportedState;
  }
}
