import { randomUUID } from 'node:crypto';

type Attributes = Record<string, unknown>;

export interface Thing {
  id: string;
  attributes?: Attributes;
  [field: string]: unknown;
}

export interface Role {
  readonly id: string;
  readonly name: string;
}

/** What one realm of the stand-in remembers. */
export class FakeRealm {
  form: Record<string, unknown>;
  profile: Record<string, unknown> = { attributes: [{ name: 'username' }] };
  readonly groups = new Map<string, Thing>();
  readonly clients = new Map<string, Thing>();
  readonly users = new Map<string, Thing>();
  /** By client. */
  readonly roles = new Map<string, Role[]>();
  /** By group, then client. */
  readonly mappings = new Map<string, Map<string, Role[]>>();
  /** Groups by user. */
  readonly memberships = new Map<string, Set<string>>();
  readonly passwords = new Map<string, string>();
  readonly logouts: string[] = [];

  constructor(form: Record<string, unknown>) {
    this.form = form;
    const management = this.addClient({ clientId: 'realm-management' });
    this.roles.set(
      management.id,
      ['manage-users', 'view-users'].map((name) => ({ id: randomUUID(), name })),
    );
  }

  addGroup(form: Record<string, unknown>): Thing {
    const group: Thing = { ...form, id: randomUUID() };
    this.groups.set(group.id, group);
    return group;
  }

  addClient(form: Record<string, unknown>): Thing {
    const client: Thing = { ...form, id: randomUUID() };
    client['protocolMappers'] = withIds(form['protocolMappers']);
    this.clients.set(client.id, client);
    this.roles.set(client.id, []);
    if (form['serviceAccountsEnabled'] === true)
      this.addUser({ username: `service-account-${String(form['clientId'])}`, of: client.id });
    return client;
  }

  addUser(form: Record<string, unknown>): Thing {
    const user: Thing = { ...form, id: randomUUID() };
    this.users.set(user.id, this.kept(user));
    this.memberships.set(user.id, new Set());
    return user;
  }

  /** Attributes outside the profile are dropped unless the profile allows them, as Keycloak does. */
  kept(user: Thing): Thing {
    if (this.profile['unmanagedAttributePolicy'] !== undefined) return user;
    const { attributes: _, ...rest } = user;
    return rest as Thing;
  }

  removeUser(id: string): void {
    this.users.delete(id);
    this.memberships.delete(id);
  }

  removeGroup(id: string): void {
    this.groups.delete(id);
    for (const groups of this.memberships.values()) groups.delete(id);
  }

  user(name: string): Thing | undefined {
    return [...this.users.values()].find(({ username }) => username === name);
  }

  group(name: string): Thing | undefined {
    return [...this.groups.values()].find((group) => group['name'] === name);
  }

  client(clientId: string): Thing | undefined {
    return [...this.clients.values()].find((client) => client['clientId'] === clientId);
  }

  groupsOf(username: string): readonly unknown[] {
    const ids = this.memberships.get(this.user(username)?.id ?? '') ?? [];
    return [...ids].map((id) => this.groups.get(id)?.['name']).sort();
  }
}

const withIds = (mappers: unknown): Thing[] =>
  (Array.isArray(mappers) ? mappers : []).map((mapper: object) => ({ ...mapper, id: randomUUID() }));
