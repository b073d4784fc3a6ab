import { kubectl, kubectlJson } from './support.ts';

/** An account of the environment, as the realm's declaration has it. */
export interface Account {
  readonly name: string;
  readonly groups: readonly string[];
}

interface Realm {
  readonly accounts: readonly Account[];
}

const get = ['get', 'secret', '-n', 'identity', 'identity-realm'];
const key = 'realm.json';

/** By standard input: what kubectl is given as an argument others on the machine can read. */
const write = async (encoded: string): Promise<void> => {
  const secret = await kubectlJson<{ readonly data: Readonly<Record<string, string>> }>(get);
  const manifest = { ...secret, data: { ...secret.data, [key]: encoded } };
  await kubectl(['replace', '-f', '-'], JSON.stringify(manifest));
};

/** Declares other accounts, as a change of the environment would, for as long as `during` takes. */
export const withAccounts = async (
  change: (accounts: readonly Account[]) => readonly Account[],
  during: () => Promise<void>,
): Promise<void> => {
  const { data } = await kubectlJson<{ readonly data: Readonly<Record<string, string>> }>(get);
  const before = data[key] ?? '';
  const realm = JSON.parse(Buffer.from(before, 'base64').toString('utf8')) as Realm;
  const changed = { ...realm, accounts: change(realm.accounts) };
  if (JSON.stringify(changed) === JSON.stringify(realm)) throw new Error('the accounts were not changed');
  try {
    await write(Buffer.from(JSON.stringify(changed)).toString('base64'));
    await during();
  } finally {
    await write(before);
  }
};
