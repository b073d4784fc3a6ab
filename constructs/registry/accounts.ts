import { derived, joined, type SecretValue, text } from '../contracts/index.ts';

/** Whose repositories hold what teams build on: everybody with an account may pull them. */
export const sharedAccount = 'plinth';

const password = (account: string, generation: number): SecretValue =>
  derived({ owner: account, role: 'registry', key: 'password', generation });

/** A login as a container engine, crane and the kubelet read it, for each of these hosts. */
export const login = (account: string, generation: number, hosts: readonly string[]): SecretValue =>
  joined(
    '{"auths":{',
    ...hosts.flatMap((host, index) => [
      `${index === 0 ? '' : ','}${JSON.stringify(host)}:{"username":${JSON.stringify(account)},"password":"`,
      password(account, generation),
      '"}',
    ]),
    '}}',
  );

/** Who may sign in at the registry. An account has the repositories below its name. */
export class Accounts {
  readonly #generations = new Map<string, number>();

  add(account: string, generation: number): void {
    this.#generations.set(account, generation);
  }

  /** Names and passwords as JSON, by name, so that the order of grants changes nothing. */
  get declaration(): SecretValue {
    const sorted = [...this.#generations].sort(([a], [b]) => (a < b ? -1 : 1));
    const parts = sorted.flatMap(([account, generation], index) => [
      text(`${index === 0 ? '' : ','}${JSON.stringify(account)}:"`),
      // Letters, digits, '-' and '_': nothing that JSON escapes.
      password(account, generation),
      text('"'),
    ]);
    return joined('{', ...parts, '}');
  }
}
