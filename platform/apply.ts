import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as pulumi from '@pulumi/pulumi';
import type { App } from 'cdk8s';
import { environments } from '../environments/index.ts';
import { withoutImages } from './absent.ts';
import type { DataRecord } from './bridge/data.ts';
import { bridge, type Recorded } from './bridge/index.ts';
import { objectName } from './bridge/manifest.ts';
import { compose } from './compose.ts';
import { generationsInUse, parseEnvironment } from './spec.ts';

const root = join(import.meta.dirname, '..');

/** The environment of the stack's name, or the one in a file outside this repository. */
const environmentOf = async (name: string, file: string | undefined) => {
  if (file !== undefined) {
    const path = isAbsolute(file) ? file : join(root, file);
    const module: { readonly default?: unknown } = await import(pathToFileURL(path).href);
    return { file, environment: parseEnvironment(name, module.default, file) };
  }
  const input = environments[name];
  if (input === undefined)
    throw new Error(
      `stack ${name} has no environment: a stack is named after one of ${Object.keys(environments).join(', ')}, ` +
        'or names its file: pulumi config set plinth:environmentFile <path>',
    );
  return { file: `environments/${name}.ts`, environment: parseEnvironment(name, input) };
};

/** Pulumi lays out text that is JSON over many lines. */
const recordPrefix = 'v1 ';

const line = (record: unknown): string => `${recordPrefix}${JSON.stringify(record)}`;
const read = <T>(text: string): T => JSON.parse(text.slice(recordPrefix.length)) as T;

interface Outputs {
  readonly data?: Readonly<Record<string, string>>;
  readonly generations?: string;
}

/** What the last update left, from the stack's own outputs: nothing before the first one. */
const previousOf = async (stack: string): Promise<Recorded> => {
  const name = `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
  const found: { readonly outputs?: Outputs } = await pulumi.runtime.invoke(
    'pulumi:pulumi:readStackOutputs',
    { name },
  );
  const { data = {}, generations } = found.outputs ?? {};
  return {
    data: Object.values(data).map((record) => read<DataRecord>(record)),
    // A stack of before generations were recorded: whatever the environment says is taken for what is.
    generations: generations === undefined ? {} : read(generations),
  };
};

/** The same as an output: one line each, for Pulumi prints outputs after every update. */
const recorded = (records: readonly DataRecord[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    records.map((record) => [`${record.manifest.kind} ${objectName(record.manifest)}`, line(record)]),
  );

const apply = async (change: (app: App) => void): Promise<Record<string, unknown>> => {
  const config = new pulumi.Config('plinth');
  const context = config.get('context');
  if (context === undefined)
    throw new Error(
      `stack ${pulumi.getStack()} names no Kubernetes context, and Plinth never applies to whatever is current; ` +
        'nothing was applied. Choose one of `kubectl config get-contexts -o name` and run: ' +
        'pulumi config set plinth:context <name>',
    );
  const stack = pulumi.getStack();
  const { file, environment: chosen } = await environmentOf(stack, config.get('environmentFile'));
  const environment = withoutImages(chosen, (config.get('absentImages') ?? '').split(','));
  const composition = compose(environment);
  change(composition.app);
  const kubeconfig = config.get('kubeconfig');
  const { ca, credentials, data, generations } = bridge({
    app: composition.app,
    environment: {
      name: environment.name,
      file,
      confirmDataLoss: environment.confirmDataLoss,
      generations: generationsInUse(environment),
    },
    cluster: {
      context,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      await: config.getBoolean('await') ?? true,
    },
    config,
    previous: await previousOf(stack),
    credentials: composition.credentials,
    now: new Date(),
  });
  const endpoints = Object.fromEntries(
    composition.exposures.map(({ name, url, health }) => [name, { url, health: `${url}${health}` }]),
  );
  return { ca, credentials, endpoints, data: recorded(data), generations: line(generations) };
};

/**
 * Applies the environment of the running stack; resolves to the stack's outputs. `change` may alter the finished
 * tree before that. Mistakes of the person who runs it are told without a stack trace.
 */
export const applyStack = async (change: (app: App) => void = () => {}): Promise<Record<string, unknown>> => {
  try {
    return await apply(change);
  } catch (error) {
    if (error instanceof Error) void pulumi.log.debug(error.stack ?? error.message);
    throw pulumi.RunError.isInstance(error)
      ? error
      : new pulumi.RunError(error instanceof Error ? error.message : String(error));
  }
};
