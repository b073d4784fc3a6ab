import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type RunOptions, run } from '../support/exec.ts';

export interface LocalStackProps {
  /** The checkout whose Pulumi.yaml is run. */
  readonly project: string;
  /** The stack, which is the environment's name. */
  readonly name: string;
  /** Where state, passphrase and Pulumi's own files are kept. */
  readonly folder: string;
  /** The stack's settings; Pulumi reads <project>/Pulumi.<name>.yaml when nobody names another. */
  readonly configFile: string;
  /** PATH with Pulumi on it, and what its commands need besides. */
  readonly environment: NodeJS.ProcessEnv;
  /** Plain settings of the stack, such as `plinth:context`. */
  readonly settings: Readonly<Record<string, string>>;
}

interface Deployment {
  readonly deployment: {
    readonly resources?: readonly StackResource[];
    readonly pending_operations?: readonly unknown[];
  };
}

/** A resource in Pulumi's state, as far as anybody here looks. */
export interface StackResource {
  readonly urn: string;
  readonly type: string;
  readonly protect?: boolean;
}

/** A stack whose state and passphrase are files on this machine: the lab's and the tests'. */
export class LocalStack {
  /** What a person needs to run `pulumi` on this stack by hand. */
  readonly environment: NodeJS.ProcessEnv;
  readonly #props: LocalStackProps;

  constructor(props: LocalStackProps) {
    this.#props = props;
    this.environment = {
      ...props.environment,
      PULUMI_HOME: join(props.folder, 'home'),
      PULUMI_BACKEND_URL: `file://${props.folder}`,
      PULUMI_CONFIG_PASSPHRASE_FILE: this.#passphraseFile,
    };
  }

  get #passphraseFile(): string {
    return join(this.#props.folder, 'passphrase');
  }

  /** Makes what isn't there yet: passphrase, stack and root secret are made once and kept. */
  async open(): Promise<void> {
    const { folder, configFile, name, settings } = this.#props;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!existsSync(this.#passphraseFile)) {
      writeFileSync(this.#passphraseFile, randomBytes(32).toString('hex'), { mode: 0o600 });
      // Secrets of an earlier passphrase can't be read any more.
      rmSync(configFile, { force: true });
    }
    chmodSync(this.#passphraseFile, 0o600);
    const known = JSON.parse(await this.pulumi(['stack', 'ls', '--json'])) as readonly {
      readonly name: string;
    }[];
    if (!known.some((stack) => stack.name === name)) await this.#init();
    const plain = Object.entries(settings).flatMap(([key, value]) => ['--plaintext', `${key}=${value}`]);
    await this.pulumi(['config', 'set-all', ...plain]);
    if (!readFileSync(configFile, 'utf8').includes('plinth:rootSecret'))
      await this.pulumi(['config', 'set', '--secret', 'plinth:rootSecret'], {
        input: randomBytes(32).toString('hex'),
      });
  }

  /** `stack init` writes its settings beside Pulumi.yaml, wherever they are wanted: so it gets one of its own. */
  async #init(): Promise<void> {
    const { folder, configFile, name, project } = this.#props;
    const scratch = join(folder, 'init');
    mkdirSync(scratch, { recursive: true });
    copyFileSync(join(project, 'Pulumi.yaml'), join(scratch, 'Pulumi.yaml'));
    await this.pulumi(['stack', 'init', name, '--no-select'], { cwd: scratch });
    copyFileSync(join(scratch, `Pulumi.${name}.yaml`), configFile);
    rmSync(scratch, { recursive: true });
  }

  /** One command of Pulumi on this stack. Rejects with its last lines. */
  pulumi(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { project, name, configFile } = this.#props;
    const ofStack = args[0] !== 'stack' || !['ls', 'init'].includes(args[1] ?? '');
    const stack = ofStack ? ['--stack', name] : [];
    const config = takesConfig(args) ? ['--config-file', configFile] : [];
    return run(['pulumi', '--non-interactive', '--color', 'never', ...args, ...stack, ...config], {
      cwd: project,
      env: this.environment,
      ...options,
    });
  }

  /** Applies the environment, after making good whatever an interrupted update left. */
  async up(options: RunOptions & { readonly refresh?: boolean } = {}): Promise<string> {
    const { refresh, ...rest } = options;
    await this.recover(rest);
    return this.pulumi(
      ['up', '--yes', '--skip-preview', '--suppress-outputs', ...(refresh ? ['--refresh'] : [])],
      rest,
    );
  }

  preview(options: RunOptions = {}): Promise<string> {
    return this.pulumi(['preview', '--diff'], options);
  }

  /**
   * After an update that was killed: its lock is taken away, and what it had begun is looked up in the cluster.
   * Does nothing after one that ended by itself. The caller sees to it that no update is running.
   */
  async recover(options: RunOptions = {}): Promise<void> {
    if (this.#locked) await this.pulumi(['cancel', '--yes'], options);
    if ((await this.pendingOperations()) === 0) return;
    await this.pulumi(['refresh', '--yes', '--skip-preview', '--clear-pending-creates'], options);
  }

  async outputs(): Promise<Readonly<Record<string, unknown>>> {
    const text = await this.pulumi(['stack', 'output', '--json', '--show-secrets']);
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  }

  async resources(): Promise<readonly StackResource[]> {
    return (await this.#export()).deployment.resources ?? [];
  }

  /** How many operations were begun and not ended, as far as the state knows. */
  async pendingOperations(): Promise<number> {
    return ((await this.#export()).deployment.pending_operations ?? []).length;
  }

  get #locked(): boolean {
    const folder = join(this.#props.folder, '.pulumi/locks');
    return (
      existsSync(folder) &&
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((file) => file.endsWith('.json'))
    );
  }

  async #export(): Promise<Deployment> {
    return JSON.parse(await this.pulumi(['stack', 'export'])) as Deployment;
  }
}

/** Commands that only look at state know no settings. */
const takesConfig = ([command, verb]: readonly string[]): boolean =>
  ['up', 'preview', 'refresh', 'destroy', 'config'].includes(command ?? '') && verb !== '--help';
