import { z } from 'zod';
import { type Client, Unanswered } from './client.ts';

const server = z.object({
  name: z.string(),
  ready: z.boolean(),
  pending: z.string().nullish(),
  stopped: z.boolean().default(false),
  url: z.string(),
  started: z.string().nullish(),
  last_activity: z.string().nullish(),
  user_options: z.looseObject({ profile: z.string().optional(), size: z.string().optional() }).nullish(),
});
const user = z.object({ servers: z.record(z.string(), server).default({}) });

export interface Notebook {
  /** Empty for a person's first server. */
  readonly name: string;
  readonly state: 'ready' | 'starting' | 'stopping';
  readonly url: string;
  readonly team: string | undefined;
  readonly size: string | undefined;
  readonly started: Date | undefined;
  readonly lastActivity: Date | undefined;
}

const dateOf = (text: string | null | undefined): Date | undefined =>
  text === null || text === undefined ? undefined : new Date(text);

/**
 * JupyterHub, asked as its service `portal`: that token reads and stops anybody's servers, so whose they are is decided
 * before it is used.
 */
export class Hub {
  readonly #client: Client;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(client: Client, token: string) {
    this.#client = client;
    this.#headers = { authorization: `token ${token}` };
  }

  get url(): string {
    return this.#client.url;
  }

  /** Throws `Unanswered`. */
  async notebooks(person: string): Promise<readonly Notebook[]> {
    try {
      const path = `/hub/api/users/${encodeURIComponent(person)}`;
      const { servers } = await this.#client.json(user, path, { headers: this.#headers });
      return Object.values(servers)
        .filter(({ stopped }) => !stopped)
        .map(({ name, ready, pending, url, started, last_activity, user_options }) => ({
          name,
          state: pending === 'stop' ? 'stopping' : ready ? 'ready' : 'starting',
          url: `${this.url}${url.startsWith('/') ? url : '/hub/home'}`,
          team: user_options?.profile,
          size: user_options?.size,
          started: dateOf(started),
          lastActivity: dateOf(last_activity),
        }));
    } catch (error) {
      // Somebody whom the hub doesn't know yet has started nothing.
      if (error instanceof Unanswered && error.status === 404) return [];
      throw error;
    }
  }

  /** Resolves when the hub has begun to stop it; throws `Unanswered`. */
  async stop(person: string, name: string): Promise<void> {
    const which = name === '' ? 'server' : `servers/${encodeURIComponent(name)}`;
    const path = `/hub/api/users/${encodeURIComponent(person)}/${which}`;
    const { status } = await this.#client.ask(path, { method: 'DELETE', headers: this.#headers });
    // What was stopped in the meantime is stopped.
    if (status !== 202 && status !== 204 && status !== 404)
      throw new Unanswered(
        status === 400
          ? 'The notebook is just starting or stopping; try again when it has.'
          : `${this.#client.name} answers ${status}`,
        status,
      );
  }
}
