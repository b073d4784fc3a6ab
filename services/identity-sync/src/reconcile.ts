import { reconcileAccounts, removeAccounts } from './keycloak/accounts.ts';
import { reconcileClients } from './keycloak/clients.ts';
import { reconcileGroupRoles, reconcileGroups } from './keycloak/groups.ts';
import { allowMarks, reconcileRealm } from './keycloak/realm.ts';
import type { Session } from './keycloak/session.ts';
import type { RealmState } from './state.ts';

/** Something that was done in Keycloak; told after it was done. */
export interface Change {
  readonly kind:
    | 'realm'
    | 'profile'
    | 'group'
    | 'client'
    | 'role'
    | 'role mapping'
    | 'account'
    | 'membership';
  readonly action: 'create' | 'change' | 'remove';
  readonly name: string;
}
export type Report = (change: Change) => void;

/**
 * Makes a realm as it is declared and resolves to what is in the way: declared names that somebody else uses. Writes
 * nothing where nothing differs. May be interrupted anywhere; the next one continues.
 */
export const reconcile = async (
  session: Session,
  state: RealmState,
  report: Report,
): Promise<readonly string[]> => {
  const client = await session.open();
  const { realm } = state;
  // Rights over a realm that was just made are in no token from before.
  if (await reconcileRealm(client, state, report)) session.renew();
  await allowMarks(client, realm, report);
  const conflicts: string[] = [];
  await removeAccounts(client, realm, state.accounts, report);
  const groups = await reconcileGroups(client, realm, state.groups, report, conflicts);
  await reconcileClients(client, realm, state.clients, groups, report, conflicts);
  await reconcileGroupRoles(client, realm, state.groups, groups, report);
  await reconcileAccounts(client, realm, state.accounts, groups, report, conflicts);
  return conflicts;
};
