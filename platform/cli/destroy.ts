import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runTimeData } from '../../constructs/contracts/index.ts';
import { root } from './revisions.ts';

export interface DestroyOptions {
  readonly stack: string;
  /** Without it, only tells what would go and what would remain. */
  readonly yes: boolean;
  /** Volumes, as `namespace/claim`, and data made at run time, as `namespace/homes`, that go with the rest. */
  readonly confirmDataLoss: readonly string[];
  /** The file with the stack's settings, where it isn't Pulumi.<stack>.yaml. */
  readonly configFile?: string;
}

interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface StateResource {
  readonly type: string;
  readonly urn: string;
  readonly inputs?: { readonly metadata?: Metadata };
  protect?: boolean;
  retainOnDelete?: boolean;
}
interface State {
  readonly deployment: { readonly resources?: readonly StateResource[] };
}

const claimType = 'kubernetes:core/v1:PersistentVolumeClaim';
const execute = promisify(execFile);

const nameOf = ({ inputs }: StateResource): string =>
  [inputs?.metadata?.namespace, inputs?.metadata?.name].filter((part) => part !== undefined).join('/');

/** Data that was made at run time in a namespace, as `confirmDataLoss` names it. */
const madeIn = (each: StateResource): readonly string[] =>
  runTimeData(each.inputs?.metadata).map((data) => `${nameOf(each)}/${data}`);

/** Everything that a confirmation can name. */
const held = (data: readonly StateResource[]): readonly string[] =>
  data.flatMap((each) => (each.type === claimType ? [nameOf(each)] : madeIn(each)));

/** Volumes and the namespaces around them, as the stack's state has them. */
const dataOf = ({ deployment }: State): readonly StateResource[] =>
  (deployment.resources ?? []).filter(({ protect }) => protect === true);

const noPulumi = [
  'there is no pulumi on PATH: install Pulumi and log in to where the stack was applied from, or, for what',
  '`make up CONTEXT=<context>` applied with the tool chain of the lab: . .stacks/<context>/pulumi.env',
  'If that is gone as well, the same `make up` builds it again.',
].join('\n');

const readState = async (stack: string): Promise<State> => {
  const { stdout } = await execute('pulumi', ['stack', 'export', '--stack', stack], {
    cwd: root,
    maxBuffer: 256 * 1024 * 1024,
  }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error(noPulumi) : error;
  });
  return JSON.parse(stdout) as State;
};

/** Takes the protection from these claims, and from namespaces that then hold nothing protected. */
export const unprotected = (state: State, confirmed: ReadonlySet<string>): State => {
  const data = dataOf(state);
  const stays = data.filter((each) => each.type === claimType && !confirmed.has(nameOf(each)));
  const around = new Set(stays.map(({ inputs }) => inputs?.metadata?.namespace));
  for (const each of data) {
    const kept =
      each.type === claimType
        ? stays.includes(each)
        : around.has(each.inputs?.metadata?.name) || madeIn(each).some((name) => !confirmed.has(name));
    if (kept) continue;
    each.protect = false;
    each.retainOnDelete = false;
  }
  return state;
};

const writeState = async (stack: string, state: State): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-state-'));
  try {
    const file = join(folder, 'state.json');
    writeFileSync(file, JSON.stringify(state), { mode: 0o600 });
    await execute('pulumi', ['stack', 'import', '--stack', stack, '--file', file], { cwd: root });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const pulumi = (args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    // A destroy that was killed leaves a state with objects that are gone, which the next one takes for removed. So the
    // whole state needn't be written before and after each of hundreds.
    const env = { ...process.env, PULUMI_SKIP_CHECKPOINTS: 'true' };
    const child = spawn('pulumi', args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (signal !== null)
        console.error('plinth: pulumi was killed: destroy again; before an update instead, pulumi refresh');
      resolve(code ?? 1);
    });
  });

/** What stays, and the commands that bring the platform back on it or remove it. */
export const remaining = (
  { stack, configFile }: Pick<DestroyOptions, 'stack' | 'configFile'>,
  data: readonly StateResource[],
): string => {
  if (data.length === 0) return `nothing of stack ${stack} remains in the cluster`;
  const settings = configFile === undefined ? '' : ` --config-file ${configFile}`;
  const confirmed = held(data).map((name) => ` --confirm-data-loss ${name}`);
  return [
    'remains, with its data:',
    ...data.flatMap((each) => [
      `  ${each.type.split(':').at(-1)} ${nameOf(each)}`,
      ...madeIn(each).map((name) => `  ${name}, made in it at run time`),
    ]),
    `to bring the platform back on it: PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true pulumi up --stack ${stack}${settings}`,
    `to remove it for good: ./plinth destroy ${stack} --yes${settings}${confirmed.join('')}`,
  ].join('\n');
};

/** Takes a stack down but for its data, and tells what remains. Resolves to Pulumi's exit code. */
export const destroy = async ({
  stack,
  yes,
  confirmDataLoss,
  configFile,
}: DestroyOptions): Promise<number> => {
  const before = await readState(stack);
  const there = held(dataOf(before));
  const unknown = confirmDataLoss.filter((name) => !there.includes(name));
  if (unknown.length > 0)
    throw new Error(`no protected volume ${unknown.join(', ')}; there are ${there.join(', ') || 'none'}`);
  if (yes && confirmDataLoss.length > 0)
    await writeState(stack, unprotected(before, new Set(confirmDataLoss)));
  const config = configFile === undefined ? {} : { configFile };
  const settings = configFile === undefined ? [] : ['--config-file', configFile];
  const mode = yes ? ['--yes', '--skip-preview'] : ['--preview-only'];
  const code = await pulumi(['destroy', '--stack', stack, '--exclude-protected', ...mode, ...settings]);
  if (code !== 0) return code;
  const data = yes ? dataOf(await readState(stack)) : dataOf(unprotected(before, new Set(confirmDataLoss)));
  console.log(remaining({ stack, ...config }, data));
  if (!yes) console.log('nothing was destroyed: add --yes');
  return 0;
};
