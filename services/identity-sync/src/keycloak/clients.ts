import type KeycloakAdminClient from '@keycloak/keycloak-admin-client';
import type { Report } from '../reconcile.ts';
import type { ClientState } from '../state.ts';
import { formOf, mappersOf } from './client-form.ts';
import type { GroupIds } from './groups.ts';
import { holds, isOwned } from './owned.ts';
import { allPages, idOf } from './pages.ts';

type Present = Awaited<ReturnType<KeycloakAdminClient['clients']['find']>>[number];

/** What the parts of one client's reconciliation share. */
interface Scope {
  readonly client: KeycloakAdminClient;
  readonly realm: string;
  readonly report: Report;
}

/** Removes clients of ours that aren't declared, with everything signed in through them; makes and corrects the rest. */
export const reconcileClients = async (
  client: KeycloakAdminClient,
  realm: string,
  wanted: readonly ClientState[],
  groups: GroupIds,
  report: Report,
  conflicts: string[],
): Promise<void> => {
  const scope = { client, realm, report };
  const present = await allPages((range) => client.clients.find({ realm, ...range }));
  for (const each of present)
    if (isOwned(each) && !wanted.some(({ id }) => id === each.clientId)) {
      await client.clients.del({ realm, id: idOf(each) });
      report({ kind: 'client', action: 'remove', name: each.clientId ?? '' });
    }
  for (const state of wanted) {
    const found = present.find(({ clientId }) => clientId === state.id);
    if (found !== undefined && !isOwned(found)) {
      conflicts.push(`client ${state.id} is there and wasn't made by identity-sync`);
      continue;
    }
    const id = found === undefined ? await create(scope, state) : await correct(scope, state, found);
    await reconcileRoles(scope, id, state);
    if (state.kind === 'machine') await reconcileOwnGroups(scope, id, state, groups);
  }
};

const create = async ({ client, realm, report }: Scope, state: ClientState): Promise<string> => {
  const protocolMappers = mappersOf(state).map((each) => ({ ...each, config: { ...each.config } }));
  const { id } = await client.clients.create({ realm, ...formOf(state), protocolMappers });
  report({ kind: 'client', action: 'create', name: state.id });
  return id;
};

const correct = async (scope: Scope, state: ClientState, present: Present): Promise<string> => {
  const { client, realm, report } = scope;
  const id = idOf(present);
  const form = formOf(state);
  if (!holds(present, form)) {
    // Mappers have ids and calls of their own.
    const { protocolMappers: _, ...rest } = present;
    const attributes = { ...present.attributes, ...form.attributes };
    await client.clients.update({ realm, id }, { ...rest, ...form, attributes });
    report({ kind: 'client', action: 'change', name: state.id });
  }
  await reconcileMappers(scope, id, state, present);
  return id;
};

const reconcileMappers = async (
  { client, realm, report }: Scope,
  id: string,
  state: ClientState,
  present: Present,
): Promise<void> => {
  const wanted = mappersOf(state);
  const has = present.protocolMappers ?? [];
  const tell = (): void => report({ kind: 'client', action: 'change', name: state.id });
  for (const each of has.filter(({ name }) => !wanted.some((mapper) => mapper.name === name))) {
    await client.clients.delProtocolMapper({ realm, id, mapperId: idOf(each) });
    tell();
  }
  for (const mapper of wanted) {
    const payload = { ...mapper, config: { ...mapper.config } };
    const found = has.find(({ name }) => name === mapper.name);
    if (found === undefined) await client.clients.addProtocolMapper({ realm, id }, payload);
    else if (holds(found, mapper)) continue;
    else
      await client.clients.updateProtocolMapper(
        { realm, id, mapperId: idOf(found) },
        { ...payload, id: idOf(found) },
      );
    tell();
  }
};

const reconcileRoles = async (
  { client, realm, report }: Scope,
  id: string,
  state: ClientState,
): Promise<void> => {
  const present = (await client.clients.listRoles({ realm, id })).map(({ name }) => name ?? '');
  // Keycloak itself adds one to clients with authorization services; Plinth's have none.
  for (const roleName of present.filter((name) => !state.roles.includes(name))) {
    await client.clients.delRole({ realm, id, roleName });
    report({ kind: 'role', action: 'remove', name: `${roleName} of ${state.id}` });
  }
  for (const name of state.roles.filter((each) => !present.includes(each))) {
    await client.clients.createRole({ realm, id, name });
    report({ kind: 'role', action: 'create', name: `${name} of ${state.id}` });
  }
};

/** Groups of the user that a `machine` client is: of ours, exactly the declared ones. */
const reconcileOwnGroups = async (
  { client, realm, report }: Scope,
  id: string,
  state: ClientState,
  groups: GroupIds,
): Promise<void> => {
  const user = idOf(await client.clients.getServiceAccountUser({ realm, id }));
  await reconcileMemberships(client, realm, user, state.groups, groups, (group, action) =>
    report({ kind: 'membership', action, name: `${state.id} in ${group}` }),
  );
};

/** Puts a user into exactly the declared ones of our groups; others' groups aren't looked at. */
export const reconcileMemberships = async (
  client: KeycloakAdminClient,
  realm: string,
  id: string,
  wanted: readonly string[],
  groups: GroupIds,
  tell: (group: string, action: 'create' | 'remove') => void,
): Promise<void> => {
  const present = new Set((await client.users.listGroups({ realm, id })).map((group) => idOf(group)));
  for (const [name, groupId] of groups) {
    const has = present.has(groupId);
    const should = wanted.includes(name);
    if (has === should) continue;
    if (should) await client.users.addToGroup({ realm, id, groupId });
    else await client.users.delFromGroup({ realm, id, groupId });
    tell(name, should ? 'create' : 'remove');
  }
};
