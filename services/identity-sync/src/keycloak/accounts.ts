import { createHash } from 'node:crypto';
import type KeycloakAdminClient from '@keycloak/keycloak-admin-client';
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
    await reconcileAccount(client, realm, account, found, groups, report);
  }
};

const reconcileAccount = async (
  client: KeycloakAdminClient,
  realm: string,
  account: AccountState,
  found: Present | undefined,
  groups: GroupIds,
  report: Report,
): Promise<void> => {
  const { name, password } = account;
  const form = formOf(account);
  const id =
    found === undefined
      ? (await client.users.create({ realm, ...form, attributes: { [mark]: ['true'] } })).id
      : idOf(found);
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
  if (passwordChanged || !holds(found, form)) {
    const attributes = { ...found?.attributes, [mark]: ['true'], [passwordMark]: [print] };
    await client.users.update({ realm, id }, { ...found, ...form, attributes });
    if (found !== undefined) report({ kind: 'account', action: 'change', name });
  }
  let lost = false;
  await reconcileMemberships(client, realm, id, account.groups, groups, (group, action) => {
    lost ||= action === 'remove';
    report({ kind: 'membership', action, name: `${name} in ${group}` });
  });
  // What a session remembers of groups and passwords is over; the next sign-in knows the new ones.
  if (found !== undefined && (lost || passwordChanged)) await client.users.logout({ realm, id });
};
