import type KeycloakAdminClient from '@keycloak/keycloak-admin-client';
import type { Report } from '../reconcile.ts';
import type { GroupState } from '../state.ts';
import { isOwned, mark } from './owned.ts';
import { allPages, idOf } from './pages.ts';

/** Groups of ours by name, with their ids. */
export type GroupIds = ReadonlyMap<string, string>;

/** Removes groups of ours that aren't declared, makes those that are missing; adds who is in the way to `conflicts`. */
export const reconcileGroups = async (
  client: KeycloakAdminClient,
  realm: string,
  wanted: readonly GroupState[],
  report: Report,
  conflicts: string[],
): Promise<GroupIds> => {
  const present = await allPages((range) =>
    client.groups.find({ realm, briefRepresentation: false, ...range }),
  );
  const ids = new Map<string, string>();
  for (const group of present) {
    const name = group.name ?? '';
    const declared = wanted.some((each) => each.name === name);
    if (!isOwned(group)) {
      if (declared) conflicts.push(`group ${name} is there and wasn't made by identity-sync`);
    } else if (declared) {
      ids.set(name, idOf(group));
    } else {
      await client.groups.del({ realm, id: idOf(group) });
      report({ kind: 'group', action: 'remove', name });
    }
  }
  for (const { name } of wanted) {
    if (ids.has(name) || present.some((group) => group.name === name)) continue;
    const { id } = await client.groups.create({ realm, name, attributes: { [mark]: ['true'] } });
    ids.set(name, id);
    report({ kind: 'group', action: 'create', name });
  }
  return ids;
};

/** Gives each group exactly its declared roles. A group is ours with all that its members may do. */
export const reconcileGroupRoles = async (
  client: KeycloakAdminClient,
  realm: string,
  wanted: readonly GroupState[],
  ids: GroupIds,
  report: Report,
): Promise<void> => {
  for (const { name, clientRoles } of wanted) {
    const id = ids.get(name);
    if (id === undefined) continue;
    const { clientMappings = {} } = await client.groups.listRoleMappings({ realm, id });
    for (const clientId of new Set([...Object.keys(clientRoles), ...Object.keys(clientMappings)])) {
      const has: readonly { id?: string; name?: string }[] = clientMappings[clientId]?.mappings ?? [];
      const roles = clientRoles[clientId] ?? [];
      const extra = has.filter((role) => !roles.includes(role.name ?? ''));
      const missing = roles.filter((role) => !has.some((each) => each.name === role));
      if (extra.length === 0 && missing.length === 0) continue;
      const [owner] = await client.clients.find({ realm, clientId });
      if (owner === undefined)
        throw new Error(`group ${name}: there is no client ${clientId}, whose roles it should have`);
      const clientUniqueId = idOf(owner);
      const payload = (role: { id?: string; name?: string }) => ({ id: idOf(role), name: role.name ?? '' });
      if (extra.length > 0)
        await client.groups.delClientRoleMappings({ realm, id, clientUniqueId, roles: extra.map(payload) });
      const added = [];
      for (const roleName of missing) {
        const role = await client.clients.findRole({ realm, id: clientUniqueId, roleName });
        if (role === null || role === undefined)
          throw new Error(`group ${name}: client ${clientId} has no role ${roleName}`);
        added.push(payload(role));
      }
      if (added.length > 0)
        await client.groups.addClientRoleMappings({ realm, id, clientUniqueId, roles: added });
      report({ kind: 'role mapping', action: 'change', name: `${name} at ${clientId}` });
    }
  }
};
