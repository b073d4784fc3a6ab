import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environments } from '../../environments/index.ts';
import { bootControlPlane, type EphemeralCluster } from '../../lab/kubernetes/ephemeral.ts';
import { kubectlDelete, ownObjects } from '../../lab/pulumi/abandoned.ts';
import { offlineEnvironment, pulumiToolchain } from '../../lab/pulumi/build.ts';
import { LocalStack, type LocalStackProps } from '../../lab/pulumi/stack.ts';
import { run } from '../../lab/support/exec.ts';
import type { EnvironmentInput } from '../../platform/spec.ts';

const root = join(import.meta.dirname, '../..');

export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/**
 * The local environment without what would only be more of the same: the database, the store, MLflow and the gateway
 * show it all.
 */
export const tried = {
  ...environments['local'],
  // A team's own database would hold PostgreSQL on where tests switch it off.
  teams: environments['local']?.teams?.map((team) => ({ ...team, database: false })),
  identity: { kind: 'off' },
  monitoring: { kind: 'off' },
  serving: { kind: 'off' },
  promoter: { kind: 'off' },
  predictionLog: { kind: 'off' },
  portal: { kind: 'off' },
  grafana: { kind: 'off' },
  notebooks: { kind: 'off' },
  spark: { kind: 'off' },
  airflow: { kind: 'off' },
  registry: { kind: 'off' },
} as EnvironmentInput;

/** A control plane without nodes, and a stack on it whose environment the test writes. */
export class Fixture {
  readonly folder: string;
  readonly cluster: EphemeralCluster;
  readonly stack: LocalStack;
  /** What another process needs to make the same stack. */
  readonly stackProps: Omit<LocalStackProps, 'removeAbandoned' | 'ownObjects'>;
  /** Everything that Pulumi's commands said. */
  readonly log: string;

  private constructor(
    folder: string,
    cluster: EphemeralCluster,
    environment: NodeJS.ProcessEnv,
    asTheLab: boolean,
  ) {
    this.folder = folder;
    this.cluster = cluster;
    this.log = join(folder, 'pulumi.log');
    this.stackProps = {
      project: join(root, 'tests/cluster/project'),
      name: 'local',
      folder: join(folder, 'stack'),
      environment: { ...environment, PULUMI_HOME: join(folder, 'home') },
      settings: {
        'plinth:kubeconfig': cluster.kubeconfig,
        'plinth:environmentFile': join(folder, 'environment.ts'),
        'plinth:await': 'false',
      },
    };
    this.stack = new LocalStack({
      ...this.stackProps,
      removeAbandoned: (object) => this.kubectl(...kubectlDelete(object)),
      ...(asTheLab ? { ownObjects: () => ownObjects((args) => this.kubectl(...args)) } : {}),
    });
  }

  /** `asTheLab`: with a first update that writes no checkpoints; see LocalStackProps. */
  static async start({ asTheLab = false } = {}): Promise<Fixture> {
    const folder = mkdtempSync(join(tmpdir(), 'plinth-cluster-'));
    const toolchain = await pulumiToolchain(join(folder, 'build.log'));
    const cluster = await bootControlPlane({ folder: join(folder, 'kubernetes') });
    const fixture = new Fixture(folder, cluster, offlineEnvironment(toolchain), asTheLab);
    try {
      fixture.write({});
      await fixture.stack.open();
      return fixture;
    } catch (error) {
      await fixture.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Writes the environment: the one that is tried, with these differences. */
  write(differences: Partial<EnvironmentInput>): void {
    const input = { ...tried, ...differences };
    writeFileSync(join(this.folder, 'environment.ts'), `export default ${JSON.stringify(input)};\n`);
  }

  set(name: string, value: string): Promise<string> {
    return this.stack.pulumi(['config', 'set', `plinth:${name}`, value]);
  }

  /** Writes the state at its end only: who tests what a killed update leaves runs Pulumi by hand. */
  up(options: { readonly refresh?: boolean } = {}): Promise<string> {
    const env = { ...this.stack.environment, PULUMI_SKIP_CHECKPOINTS: 'true' };
    return this.stack.up({ ...options, env, log: this.log });
  }

  /** What an update said when it failed; fails itself when it didn't. */
  async failure(): Promise<string> {
    const output = await this.up().catch((error: Error) => error);
    if (output instanceof Error) return output.message;
    throw new Error(`the update was expected to fail, and said: ${output}`);
  }

  kubectl(...args: readonly string[]): Promise<string> {
    const program = join(this.cluster.programs, 'kubectl');
    return run([program, '--kubeconfig', this.cluster.kubeconfig, ...args]);
  }

  /** The object, or nothing where there is none or it is being deleted. */
  async find(kind: string, name: string, namespace?: string): Promise<KubernetesObject | undefined> {
    const where = namespace === undefined ? [] : ['--namespace', namespace];
    const text = await this.kubectl('get', kind, name, ...where, '--ignore-not-found', '--output', 'json');
    const found = text.trim() === '' ? undefined : (JSON.parse(text) as KubernetesObject);
    return found?.metadata.deletionTimestamp === undefined ? found : undefined;
  }

  async list(kinds: string): Promise<readonly KubernetesObject[]> {
    const text = await this.kubectl('get', kinds, '--all-namespaces', '--output', 'json');
    return (JSON.parse(text) as { readonly items: readonly KubernetesObject[] }).items;
  }

  /** Every file below a folder, as text. */
  *files(folder: string): Generator<{ readonly path: string; readonly text: string }> {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      yield { path, text: readFileSync(path, 'utf8') };
    }
  }
}

/** Asks again until the answer is there; fails after the deadline with what was waited for. */
export const until = async <Answer>(
  what: string,
  ask: () => Promise<Answer | undefined>,
  seconds = 120,
): Promise<Answer> => {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};
