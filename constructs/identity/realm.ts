import { derived, joined, type SecretValue } from '../contracts/index.ts';
import { clientSecret } from './hand-over.ts';

export interface Account {
  readonly name: string;
  readonly groups: readonly string[];
  /** Generation of its password, from 1 on. */
  readonly generation: number;
}

/** One client as services/identity-sync reads it, but for its secret. */
interface Client {
  readonly id: string;
  /** `browser` signs people in, `machine` is its own user, `device` is a command line on somebody's machine. */
  readonly kind: 'browser' | 'machine' | 'device';
  readonly redirectUris: readonly string[];
  readonly roles: readonly string[];
  /** Groups of the client's own user, where it has one. */
  readonly groups: readonly string[];
}

interface ClientEntry extends Client {
  /** Of a client that signs people in; every other is for everything that checks tokens. */
  readonly audiences?: readonly string[];
  /** Unset: a client without a secret. */
  readonly generation?: number;
}

export const passwordOf = (account: string, generation: number): SecretValue =>
  derived({ owner: account, role: 'account', key: 'password', generation });

const byKey = <Value>(map: ReadonlyMap<string, Value>): readonly (readonly [string, Value])[] =>
  [...map.entries()].sort(([a], [b]) => (a < b ? -1 : 1));

/**
 * A realm as it is to be, collected from whoever asks for something. Nothing depends on the order of asking, and
 * secrets are only named: what they are is put in while Plinth is applied.
 */
export class Realm {
  readonly name: string;
  readonly #tokenSeconds: number;
  readonly #mailDomain: string;
  /** Client roles of each group: client to roles. */
  readonly #groups = new Map<string, Map<string, Set<string>>>();
  readonly #clients = new Map<string, ClientEntry>();
  readonly #accounts = new Map<string, Account>();
  readonly #audiences = new Set<string>();

  constructor(props: { readonly name: string; readonly tokenSeconds: number; readonly mailDomain: string }) {
    this.name = props.name;
    this.#tokenSeconds = props.tokenSeconds;
    this.#mailDomain = props.mailDomain;
  }

  addGroup(name: string): void {
    this.#group(name);
  }

  addRoles(group: string, client: string, roles: readonly string[]): void {
    const found = this.#groups.get(group);
    if (found === undefined)
      throw new Error(
        `client ${client}: got roles for group ${group}, expected one of ${[...this.#groups.keys()].join(', ')}`,
      );
    found.set(client, new Set([...(found.get(client) ?? []), ...roles]));
  }

  addClient(client: ClientEntry): void {
    if (this.#clients.has(client.id))
      throw new Error(`client ${client.id} is asked for twice; a client belongs to one workload`);
    this.#clients.set(client.id, client);
  }

  addAccount(account: Account): void {
    this.#accounts.set(account.name, account);
  }

  addAudience(audience: string): void {
    this.#audiences.add(audience);
  }

  /** JSON for services/identity-sync; src/state.ts there says what each field does. */
  get declaration(): SecretValue {
    const parts: (string | SecretValue)[] = [
      `{"realm":${JSON.stringify(this.name)},"tokenSeconds":${this.#tokenSeconds},`,
      `"groups":${JSON.stringify(byKey(this.#groups).map(groupJson))},"clients":[`,
    ];
    for (const [index, [, client]] of byKey(this.#clients).entries())
      parts.push(index === 0 ? '' : ',', ...this.#clientJson(client));
    parts.push('],"accounts":[');
    for (const [index, [, account]] of byKey(this.#accounts).entries())
      parts.push(index === 0 ? '' : ',', ...this.#accountJson(account));
    parts.push(']}');
    return joined(...parts);
  }

  #group(name: string): Map<string, Set<string>> {
    const found = this.#groups.get(name) ?? new Map<string, Set<string>>();
    this.#groups.set(name, found);
    return found;
  }

  // Secrets consist of letters, digits, '-' and '_': nothing that JSON escapes.
  #clientJson({ generation, audiences: own, ...client }: ClientEntry): readonly (string | SecretValue)[] {
    const audiences = [...(client.kind === 'browser' ? (own ?? []) : this.#audiences)].sort();
    const open = JSON.stringify({ ...client, audiences }).slice(0, -1);
    return generation === undefined
      ? [`${open}}`]
      : [`${open},"secret":"`, clientSecret(client.id, generation), '"}'];
  }

  #accountJson({ name, groups, generation }: Account): readonly (string | SecretValue)[] {
    const email = `${name}@${this.#mailDomain}`;
    const open = JSON.stringify({ name, email, groups: [...groups].sort() }).slice(0, -1);
    return [`${open},"password":"`, passwordOf(name, generation), '"}'];
  }
}

const groupJson = ([name, clients]: readonly [string, ReadonlyMap<string, ReadonlySet<string>>]) => ({
  name,
  clientRoles: Object.fromEntries(byKey(clients).map(([client, roles]) => [client, [...roles].sort()])),
});
