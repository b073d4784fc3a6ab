import { createHash } from 'node:crypto';
import type KeycloakAdminClient from '@keycloak/keycloak-admin-client';
import { NetworkError } from '@keycloak/keycloak-admin-client';
import type { Report } from '../reconcile.ts';
import type { AccountState } from '../state.ts';
import { reconcileMemberships } from './clients.ts';
import type { GroupIds } from './groups.ts';
import { holds, isOwned, mark } from './owned.ts';
import { allPages, idOf } from './pages.ts';

type Present = Awaited<ReturnType<KeycloakAdminClient['users']['find']>>[number];

/** Tells which password was set last: Keycloak shows none. The password is random, so its hash says nothing of it. */
const passwordMark = 'plinth.password';
const fingerprint = (password: string): string =>
  createHash('sha256').update(`plinth account\n${password}`).digest('hex').slice(0, 16);

const formOf = ({ name, email }: AccountState) => ({
  username: name,
  email,
  emailVerified: true,
  enabled: true,
  // Keycloak signs nobody in whose profile lacks these.
  firstName: name,
  lastName: 'Plinth',
});

/** What Keycloak answers; undefined where another account has the address already. */
const unlessTaken = async <T>(answer: Promise<T>): Promise<T | undefined> => {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof NetworkError && error.response.status === 409) return undefined;
    throw error;
  }
};

/** Removes accounts of ours that aren't declared, with their sessions. Comes first: access ends before anything else. */
export const removeAccounts = async (
  client: KeycloakAdminClient,
  realm: string,
  wanted: readonly AccountState[],
  report: Report,
): Promise<void> => {
  const ours = await allPages((range) => client.users.find({ realm, q: `${mark}:true`, ...range }));
  for (const user of ours) {
    const name = user.username ?? '';
    if (!isOwned(user) || wanted.some((account) => account.name === name)) continue;
    await client.users.del({ realm, id: idOf(user) });
    report({ kind: 'account', action: 'remove', name });
  }
};

/** Makes and corrects the declared accounts: profile, password, groups. */
export const reconcileAccounts = async (
  client: KeycloakAdminClient,
  realm: string,
  wanted: readonly AccountState[],
  groups: GroupIds,
  report: Report,
  conflicts: string[],
): Promise<void> => {
  for (const account of wanted) {
    const [found] = await client.users.find({ realm, username: account.name, exact: true });
    if (found !== undefined && !isOwned(found)) {
      conflicts.push(`account ${account.name} is there and wasn't made by identity-sync`);
      continue;
    }
    const whole = await reconcileAccount(client, realm, account, found, groups, report);
    if (!whole) conflicts.push(`the address of account ${account.name} is another account's`);
  }
};

/** False where another account has its address: one that is there keeps its own, one that isn't can't be made. */
const reconcileAccount = async (
  client: KeycloakAdminClient,
  realm: string,
  account: AccountState,
  found: Present | undefined,
  groups: GroupIds,
  report: Report,
): Promise<boolean> => {
  const { name, password } = account;
  const form = formOf(account);
  const id =
    found === undefined
      ? (await unlessTaken(client.users.create({ realm, ...form, attributes: { [mark]: ['true'] } })))?.id
      : idOf(found);
  if (id === undefined) return false;
  if (found === undefined) report({ kind: 'account', action: 'create', name });
  const print = fingerprint(password);
  const known: readonly string[] = [found?.attributes?.[passwordMark]].flat();
  const passwordChanged = !known.includes(print);
  if (passwordChanged)
    await client.users.resetPassword({
      realm,
      id,
      credential: { type: 'password', temporary: false, value: password },
    });
  const attributes = { ...found?.attributes, [mark]: ['true'], [passwordMark]: [print] };
  const differs = (fields: object): boolean => passwordChanged || !holds(found, fields);
  const change = async (fields: object): Promise<true> => {
    await client.users.update({ realm, id }, { ...found, ...fields, attributes });
    if (found !== undefined) report({ kind: 'account', action: 'change', name });
    return true;
  };
  const whole = !differs(form) || (await unlessTaken(change(form))) === true;
  const own = { ...form, email: found?.email };
  if (!whole && differs(own)) await change(own);
  let lost = false;
  await reconcileMemberships(client, realm, id, account.groups, groups, (group, action) => {
    lost ||= action === 'remove';
    report({ kind: 'membership', action, name: `${name} in ${group}` });
  });
  // What a session remembers of groups and passwords is over; the next sign-in knows the new ones.
  if (found !== undefined && (lost || passwordChanged)) await client.users.logout({ realm, id });
  return whole;
};
