import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { FakeRealm, type Role, type Thing } from './realm.ts';

interface Call {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
}
type Answer = { readonly status: number; readonly json?: unknown; readonly location?: string };

const ok = (json: unknown): Answer => ({ status: 200, json });
const done: Answer = { status: 204 };
const taken: Answer = { status: 409, json: { errorMessage: 'User exists with same email' } };
const missing: Answer = { status: 404, json: { error: 'not found' } };
const created = (id: string): Answer => ({ status: 201, location: `http://keycloak/x/${id}` });

/** The part of Keycloak's admin API that the service uses, in memory, with a record of what was written. */
export class FakeKeycloak {
  readonly realms = new Map<string, FakeRealm>();
  /** `METHOD path` of everything that wasn't a question. */
  writes: string[] = [];
  signIns = 0;
  secret = 'present-secret-of-the-client';
  /** So many requests fail from now on. */
  failures = 0;
  readonly #tokens = new Map<string, ReadonlySet<string>>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    const master = new FakeRealm({ realm: 'master' });
    master.addClient({ clientId: 'identity-sync' });
    this.realms.set('master', master);
  }

  static async start(t: TestContext): Promise<FakeKeycloak> {
    const keycloak = new FakeKeycloak();
    keycloak.#server.listen(0, '127.0.0.1');
    await once(keycloak.#server, 'listening');
    t.after(() => {
      keycloak.#server.close();
      keycloak.#server.closeAllConnections();
    });
    return keycloak;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get realm(): FakeRealm {
    const realm = this.realms.get('plinth');
    if (realm === undefined) throw new Error('there is no realm plinth');
    return realm;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://keycloak');
    const raw = await text(request);
    const path = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
    const answer = this.#answer(request, { path, query: url.searchParams, raw });
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      ...(answer.location === undefined ? {} : { location: answer.location }),
    });
    response.end(answer.json === undefined ? undefined : JSON.stringify(answer.json));
  }

  #answer(
    request: IncomingMessage,
    { path, query, raw }: { path: readonly string[]; query: URLSearchParams; raw: string },
  ): Answer {
    if (this.failures > 0) {
      this.failures -= 1;
      return { status: 503, json: { error: 'out of order' } };
    }
    if (path[0] === 'realms') return this.#token(request);
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const rights = this.#tokens.get(token);
    if (rights === undefined) return { status: 401, json: { error: 'no token' } };
    const method = request.method ?? '';
    const call: Call = { method, path: path.slice(2), query, body: raw === '' ? undefined : JSON.parse(raw) };
    if (method !== 'GET') this.writes.push(`${method} /${call.path.join('/')}`);
    const [name] = call.path;
    if (name === undefined) {
      const form = call.body as { realm: string };
      this.realms.set(form.realm, new FakeRealm(form));
      return created(form.realm);
    }
    const realm = this.realms.get(name);
    if (realm === undefined) return missing;
    if (!rights.has(name) && call.path.length > 1) return { status: 403, json: { error: 'no rights' } };
    return inRealm(realm, { ...call, path: call.path.slice(1) }, (secret) => {
      this.secret = secret;
    });
  }

  #token(request: IncomingMessage): Answer {
    const given = Buffer.from(
      request.headers.authorization?.replace('Basic ', '') ?? '',
      'base64',
    ).toString();
    if (given !== `identity-sync:${this.secret}`)
      return { status: 401, json: { error: 'unauthorized_client' } };
    const token = randomUUID();
    this.signIns += 1;
    this.#tokens.set(token, new Set(this.realms.keys()));
    return ok({ access_token: token, expires_in: 60 });
  }
}

const inRealm = (realm: FakeRealm, call: Call, setSecret: (secret: string) => void): Answer => {
  const { method, path, body } = call;
  const [kind, id, ...rest] = path;
  switch (kind) {
    case undefined:
      if (method === 'PUT') realm.form = { ...realm.form, ...(body as object) };
      return method === 'PUT' ? done : ok(realm.form);
    case 'users':
      return id === 'profile' ? profile(realm, call) : users(realm, call, id, rest);
    case 'groups':
      return groups(realm, call, id, rest);
    case 'clients': {
      const secret = (body as { secret?: string } | undefined)?.secret;
      const own = realm.form['realm'] === 'master' && method === 'PUT';
      if (own && secret !== undefined) setSecret(secret);
      return clients(realm, call, id, rest);
    }
    default:
      return missing;
  }
};

const page = <Item>(items: readonly Item[], query: URLSearchParams): Answer => {
  const first = Number(query.get('first') ?? 0);
  return ok(items.slice(first, first + Number(query.get('max') ?? 100)));
};

const profile = (realm: FakeRealm, { method, body }: Call): Answer => {
  if (method === 'PUT') realm.profile = body as Record<string, unknown>;
  return ok(realm.profile);
};

const users = (realm: FakeRealm, call: Call, id: string | undefined, rest: readonly string[]): Answer => {
  const { method, query, body } = call;
  const { email } = (body ?? {}) as { readonly email?: unknown };
  const isTaken =
    email !== undefined &&
    [...realm.users.values()].some((user) => user.id !== id && user['email'] === email);
  if (isTaken) return taken;
  if (id === undefined) {
    if (method === 'POST') return created(realm.addUser(body as object as Record<string, unknown>).id);
    const [key = '', value] = query.get('q')?.split(':') ?? [];
    const found = [...realm.users.values()].filter(
      (user) =>
        (query.get('username') ?? user['username']) === user['username'] &&
        (key === '' || [user.attributes?.[key]].flat().includes(value)),
    );
    return page(found, query);
  }
  const user = realm.users.get(id);
  if (user === undefined) return missing;
  const [part, group] = rest;
  switch (part) {
    case undefined:
      if (method === 'DELETE') realm.removeUser(id);
      else realm.users.set(id, realm.kept({ ...user, ...(body as object) }));
      return done;
    case 'reset-password':
      realm.passwords.set(String(user['username']), (body as { value: string }).value);
      return done;
    case 'logout':
      realm.logouts.push(String(user['username']));
      return done;
    case 'groups':
      if (method === 'PUT') realm.memberships.get(id)?.add(group ?? '');
      if (method === 'DELETE') realm.memberships.get(id)?.delete(group ?? '');
      return method === 'GET'
        ? ok([...(realm.memberships.get(id) ?? [])].map((each) => realm.groups.get(each)))
        : done;
    default:
      return missing;
  }
};

const groups = (realm: FakeRealm, call: Call, id: string | undefined, rest: readonly string[]): Answer => {
  const { method, query, body } = call;
  if (id === undefined) {
    if (method === 'POST') return created(realm.addGroup(body as Record<string, unknown>).id);
    const brief = query.get('briefRepresentation') !== 'false';
    return page(
      [...realm.groups.values()].map(({ attributes, ...group }) =>
        brief ? group : { ...group, attributes },
      ),
      query,
    );
  }
  if (method === 'DELETE' && rest.length === 0) {
    realm.removeGroup(id);
    return done;
  }
  const ofGroup = realm.mappings.get(id) ?? new Map<string, Role[]>();
  realm.mappings.set(id, ofGroup);
  const [, , client] = rest;
  if (client === undefined) {
    const clientMappings = [...ofGroup].map(([clientId, mappings]) => {
      const name = String(realm.clients.get(clientId)?.['clientId']);
      return [name, { id: clientId, client: name, mappings }] as const;
    });
    return ok({
      clientMappings: Object.fromEntries(clientMappings.filter(([, { mappings }]) => mappings.length > 0)),
    });
  }
  const roles = body as Role[];
  const names = roles.map(({ name }) => name);
  const others = (ofGroup.get(client) ?? []).filter(({ name }) => !names.includes(name));
  ofGroup.set(client, method === 'POST' ? [...others, ...roles] : others);
  return done;
};

const clients = (realm: FakeRealm, call: Call, id: string | undefined, rest: readonly string[]): Answer => {
  const { method, query, body } = call;
  if (id === undefined) {
    if (method === 'POST') return created(realm.addClient(body as Record<string, unknown>).id);
    const clientId = query.get('clientId');
    return page(
      [...realm.clients.values()].filter((client) => clientId === null || client['clientId'] === clientId),
      query,
    );
  }
  const client = realm.clients.get(id);
  if (client === undefined) return missing;
  switch (rest[0]) {
    case undefined:
      if (method === 'DELETE') {
        realm.clients.delete(id);
        for (const user of realm.users.values()) if (user['of'] === id) realm.removeUser(user.id);
      } else realm.clients.set(id, { ...client, ...(body as object) });
      return done;
    case 'roles':
      return clientRoles(realm.roles.get(id) ?? [], call, rest[1]);
    case 'service-account-user':
      return ok([...realm.users.values()].find(({ of }) => of === id));
    case 'protocol-mappers':
      return mappers(client, call, rest[2]);
    default:
      return missing;
  }
};

const clientRoles = (roles: Role[], { method, body }: Call, name: string | undefined): Answer => {
  if (method === 'POST') {
    const role = { id: randomUUID(), name: (body as Role).name };
    roles.push(role);
    return created(role.name);
  }
  const at = roles.findIndex((role) => role.name === name);
  if (method === 'DELETE') roles.splice(at, 1);
  if (method !== 'GET') return done;
  if (name === undefined) return ok(roles);
  return at < 0 ? missing : ok(roles[at]);
};

const mappers = (client: Thing, { method, body }: Call, id: string | undefined): Answer => {
  const others = (client['protocolMappers'] as Thing[]).filter((mapper) => mapper.id !== id);
  const mine = method === 'DELETE' ? [] : [{ ...(body as Thing), id: id ?? randomUUID() }];
  client['protocolMappers'] = [...others, ...mine];
  return method === 'POST' ? { status: 201 } : done;
};
