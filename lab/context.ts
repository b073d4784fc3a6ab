import { accessSync, constants, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubernetesObject } from '@kubernetes/client-node';
import { environments } from '../environments/index.ts';
import { compose } from '../platform/compose.ts';
import { type PreCreatedSecret, preCreatedSecrets } from '../platform/pre-created.ts';
import { parseEnvironment } from '../platform/spec.ts';
import { unknownEnvironment } from '../platform/unknown-environment.ts';
import { NamedCluster } from './named-cluster.ts';
import { offlineEnvironment, pulumiToolchain } from './pulumi/build.ts';
import { recorded } from './pulumi/last-apply.ts';
import { LocalStack } from './pulumi/stack.ts';
import { addresses, writeOutputs } from './summary.ts';
import { withLock } from './support/lock.ts';
import { Progress } from './support/progress.ts';
import { Unmet } from './support/unmet.ts';
import { waitForWorkloads } from './workloads.ts';

export interface ContextOptions {
  readonly checkout: string;
  /** A context of the user's kubeconfig. */
  readonly context: string;
  /** The environment, and the name of the stack. */
  readonly environment: string;
  /** False applies without waiting for anything to become ready, as a cluster without nodes needs it. */
  readonly wait: boolean;
}

const readySeconds = 900;

/** State, settings, passphrase and logs of what was applied to a cluster; outside of what PURGE=1 erases. */
const folderOf = (checkout: string, context: string): string =>
  join(checkout, '.stacks', encodeURIComponent(context));

const installed = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

interface Pulumi {
  readonly environment: NodeJS.ProcessEnv;
  /** The official provider has no setting by which it waits for nothing. */
  readonly mayWaitForNothing: boolean;
}

/**
 * The user's own Pulumi with its official provider where it is installed, or else the lab's tool chain, which
 * PLINTH_PROVIDER=official refuses.
 */
const pulumi = async (log: string, note: (text: string) => void): Promise<Pulumi> => {
  if (installed('pulumi')) {
    note('the Pulumi on PATH, with its official Kubernetes provider');
    return { environment: process.env, mayWaitForNothing: false };
  }
  if (process.env['PLINTH_PROVIDER'] === 'official')
    throw new Unmet(
      'PLINTH_PROVIDER=official, and there is no pulumi on PATH; install it, or unset the variable',
    );
  note("the lab's tool chain, with its stand-in for the Kubernetes provider");
  return { environment: offlineEnvironment(await pulumiToolchain(log)), mayWaitForNothing: true };
};

/** The cluster's kubeconfig files, as kubectl finds them; those that are missing are left out, as kubectl does. */
const kubeconfigs = (context: string): readonly string[] => {
  const named = process.env['KUBECONFIG'] ?? join(homedir(), '.kube', 'config');
  const files = named.split(delimiter).filter((file) => existsSync(file));
  if (files.length === 0)
    throw new Unmet(`CONTEXT=${context}: there is no kubeconfig ${named}; set KUBECONFIG to where yours is`);
  return files;
};

const environmentOf = (name: string) => {
  const input = Object.hasOwn(environments, name) ? environments[name] : undefined;
  if (input === undefined)
    throw new Unmet(`ENV=${name}: ${unknownEnvironment([name], Object.keys(environments))}`);
  return parseEnvironment(name, input);
};

const removal = (folder: string, environment: string): string =>
  `. ${join(folder, 'pulumi.env')} && ./plinth destroy ${environment} --yes ` +
  `--config-file ${join(folder, `Pulumi.${environment}.yaml`)}`;

const withSecrets = (environment: string, missing: readonly PreCreatedSecret[]): string =>
  [
    `environments/${environment}.ts expects Secrets that aren't there; what needs them waits until they are:`,
    ...missing.map(({ namespace, name, keys }) => `  ${namespace}/${name} with ${keys.join(', ')}`),
  ].join('\n');

/** Applies an environment to an existing cluster, or continues where an interrupted run ended. */
export const upOnContext = async (options: ContextOptions): Promise<void> => {
  const { checkout, context, wait } = options;
  const environment = environmentOf(options.environment);
  const files = kubeconfigs(context);
  const cluster = NamedCluster.of(context, files);
  const folder = folderOf(checkout, context);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await withLock(join(folder, 'lock'), async () => {
    const progress = new Progress(4, join(folder, 'logs'));
    await progress.step(`Cluster of context ${context}`, async ({ note }) => {
      for (const remark of await cluster.remarks(environment)) note(remark);
      const missing = await cluster.missing(preCreatedSecrets(compose(environment).app));
      if (missing.length > 0) note(withSecrets(environment.name, missing));
    });
    const tools = await progress.step('Pulumi', ({ log, note }) => pulumi(log, note));
    const stack = new LocalStack({
      project: checkout,
      name: environment.name,
      folder,
      environment: tools.environment,
      settings: {
        'plinth:context': context,
        // Of several, kubectl's rules choose: the provider knows them as well.
        ...(files.length === 1 ? { 'plinth:kubeconfig': String(files[0]) } : {}),
        ...(tools.mayWaitForNothing ? { 'plinth:await': String(wait) } : {}),
      },
      removeAbandoned: (object) => cluster.remove(object),
    });
    const outputs = await progress.step(
      `Apply the environment ${environment.name}`,
      async ({ log, note }) => {
        await stack.open({ log });
        const recorder = {
          stack: environment.name,
          apply: (object: KubernetesObject) => cluster.apply(object),
          note,
        };
        const update = (): Promise<string> => stack.up({ log });
        await (environment.monitoring.kind === 'on' ? recorded(recorder, update) : update());
        return stack.outputs();
      },
    );
    await progress.step('Wait until every workload is Ready', async ({ note }) => {
      if (wait) await waitForWorkloads(cluster, readySeconds, note);
      else {
        const command = `./plinth status --context ${context} --environment ${environment.name}`;
        note(`not waited for, as asked: ${command} tells how they fare`);
      }
    });
    if (outputs === undefined) return;
    writeOutputs(folder, outputs);
    const leadTo = await cluster.gatewayAddresses();
    console.log(
      [
        '',
        `Plinth's environment ${environment.name} is applied to ${context}.`,
        ...addresses(outputs),
        '',
        `  names       must lead to the gateway: ${leadTo.join(', ') || 'it has no address yet'}`,
        `  logins      ${join(folder, 'credentials.json')}`,
        `  take it off ${removal(folder, environment.name)}`,
      ].join('\n'),
    );
  });
};

/** How what was applied to a cluster is taken off it: `make down` is for the lab of this machine alone. */
export const downOnContext = (checkout: string, context: string): never => {
  const folder = folderOf(checkout, context);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const applied = names.flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
  if (applied.length === 0)
    throw new Unmet(`make down stops the lab of this machine; nothing was applied to ${context} from here`);
  throw new Unmet(
    ['make down stops the lab of this machine; to take Plinth off a cluster, its data kept:']
      .concat(applied.map((name) => `  ${removal(folder, name)}`))
      .join('\n'),
  );
};
