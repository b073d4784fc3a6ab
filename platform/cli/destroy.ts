import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './revisions.ts';

export interface DestroyOptions {
  readonly stack: string;
  /** Without it, only tells what would go and what would remain. */
  readonly yes: boolean;
  /** Volumes, as `namespace/claim`, that go with the rest. */
  readonly confirmDataLoss: readonly string[];
  /** The file with the stack's settings, where it isn't Pulumi.<stack>.yaml. */
  readonly configFile?: string;
}

interface StateResource {
  readonly type: string;
  readonly urn: string;
  readonly inputs?: { readonly metadata?: { readonly name?: string; readonly namespace?: string } };
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
const unprotected = (state: State, confirmed: ReadonlySet<string>): State => {
  const data = dataOf(state);
  const stays = data.filter((each) => each.type === claimType && !confirmed.has(nameOf(each)));
  const homes = new Set(stays.map(({ inputs }) => inputs?.metadata?.namespace));
  for (const each of data) {
    const held = each.type === claimType ? stays.includes(each) : homes.has(each.inputs?.metadata?.name);
    if (held) continue;
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

const remaining = (stack: string, data: readonly StateResource[]): string => {
  if (data.length === 0) return `nothing of stack ${stack} remains in the cluster`;
  const claims = data.filter(({ type }) => type === claimType).map(nameOf);
  return [
    'remains, with its data:',
    ...data.map((each) => `  ${each.type.split(':').at(-1)} ${nameOf(each)}`),
    `to bring the platform back on it: PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true pulumi up --stack ${stack}`,
    `to remove it for good: node platform/cli/plinth.ts destroy ${stack} --yes ${claims.map((name) => `--confirm-data-loss ${name}`).join(' ')}`,
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
  const claims = dataOf(before)
    .filter(({ type }) => type === claimType)
    .map(nameOf);
  const unknown = confirmDataLoss.filter((name) => !claims.includes(name));
  if (unknown.length > 0)
    throw new Error(`no protected volume ${unknown.join(', ')}; there are ${claims.join(', ') || 'none'}`);
  if (yes && confirmDataLoss.length > 0)
    await writeState(stack, unprotected(before, new Set(confirmDataLoss)));
  const config = configFile === undefined ? [] : ['--config-file', configFile];
  const mode = yes ? ['--yes', '--skip-preview'] : ['--preview-only'];
  const code = await pulumi(['destroy', '--stack', stack, '--exclude-protected', ...mode, ...config]);
  if (code !== 0) return code;
  const data = yes ? dataOf(await readState(stack)) : dataOf(unprotected(before, new Set(confirmDataLoss)));
  console.log(remaining(stack, data));
  if (!yes) console.log('nothing was destroyed: add --yes');
  return 0;
};
