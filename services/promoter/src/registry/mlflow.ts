import { request } from 'undici';
import { z } from 'zod';
import type { RegisteredModel, RegisteredVersion, Registry } from '../control/ports.ts';

export interface MlflowOptions {
  readonly url: string;
  /** The alias that asks for a rollout. */
  readonly alias: string;
  /** Undefined: the registry asks nobody who they are. */
  readonly tokens: { token(): Promise<string>; renew(): void } | undefined;
  readonly webhook: {
    /** Where this service is for the registry; undefined: it tells of nothing. */
    readonly url: string | undefined;
    readonly secret: string;
  };
}

const alias = z.object({ alias: z.string(), version: z.coerce.string() });
const model = z.object({ name: z.string(), aliases: z.array(alias).default([]) });
const tagged = z.object({
  registered_model: z.object({ tags: z.array(z.object({ key: z.string(), value: z.string() })).default([]) }),
});
const searched = z.object({
  registered_models: z.array(model).default([]),
  next_page_token: z.string().optional(),
});
const version = z.object({
  run_id: z.string().optional(),
  source: z.string().optional(),
  status: z.string().default('READY'),
});
const webhook = z.object({ webhook_id: z.string(), name: z.string() });
const webhooks = z.object({ webhooks: z.array(webhook).default([]), next_page_token: z.string().optional() });

const webhookName = 'plinth-promoter';
const api = '/api/2.0/mlflow';

/** MLflow refuses, with its own code for why. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: string;

  constructor(path: string, status: number, code: string, message: string) {
    super(`${path}: ${status} ${code} ${message.slice(0, 300)}`);
    this.code = code;
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof RegistryError && error.code === 'RESOURCE_DOES_NOT_EXIST';

/** MLflow's registry by its REST API; a team's workspace has the team's name. */
export class MlflowRegistry implements Registry {
  readonly #options: MlflowOptions;
  /** Workspaces whose webhook has the present secret: it can be set, and never read. */
  readonly #subscribed = new Set<string>();

  constructor(options: MlflowOptions) {
    this.#options = options;
  }

  async models(team: string): Promise<readonly RegisteredModel[]> {
    const found: RegisteredModel[] = [];
    let page: string | undefined;
    do {
      const query = new URLSearchParams({ max_results: '200', ...(page && { page_token: page }) });
      const answer = searched.parse(await this.#call(team, 'GET', `/registered-models/search?${query}`));
      found.push(...answer.registered_models.map((each) => this.#model(each)));
      page = answer.next_page_token;
    } while (page !== undefined && page !== '');
    return found;
  }

  async model(team: string, name: string): Promise<RegisteredModel | undefined> {
    return this.#unlessGone(async () => {
      const answer = await this.#registered(team, name);
      return this.#model(z.object({ registered_model: model }).parse(answer).registered_model);
    });
  }

  /** The registered model's own tags; undefined: there is no such model. */
  async tags(team: string, name: string): Promise<Readonly<Record<string, string>> | undefined> {
    return this.#unlessGone(async () => {
      const { tags } = tagged.parse(await this.#registered(team, name)).registered_model;
      return Object.fromEntries(tags.map(({ key, value }) => [key, value]));
    });
  }

  async version(team: string, name: string, number: string): Promise<RegisteredVersion | undefined> {
    const query = new URLSearchParams({ name, version: number });
    return this.#unlessGone(async () => {
      const answer = await this.#call(team, 'GET', `/model-versions/get?${query}`);
      const { run_id, source, status } = z.object({ model_version: version }).parse(answer).model_version;
      return { runId: run_id || null, source: source || null, ready: status === 'READY' };
    });
  }

  async tag(
    team: string,
    name: string,
    number: string,
    tags: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const told = await this.#unlessGone(async () => {
      for (const [key, value] of Object.entries(tags))
        await this.#call(team, 'POST', '/model-versions/set-tag', {
          name,
          version: number,
          key,
          value: value.slice(0, 5000),
        });
      return true;
    });
    return told === true;
  }

  async subscribe(team: string): Promise<void> {
    const { url, secret } = this.#options.webhook;
    if (url === undefined || this.#subscribed.has(team)) return;
    const wanted = {
      name: webhookName,
      url,
      secret,
      events: ['CREATED', 'DELETED'].map((action) => ({ entity: 'MODEL_VERSION_ALIAS', action })),
      status: 'ACTIVE',
    };
    const known = await this.#webhook(team);
    if (known === undefined) await this.#call(team, 'POST', '/webhooks', wanted);
    else await this.#call(team, 'PATCH', `/webhooks/${known}`, wanted);
    this.#subscribed.add(team);
  }

  async #webhook(team: string): Promise<string | undefined> {
    let page: string | undefined;
    do {
      const query = new URLSearchParams({ max_results: '100', ...(page && { page_token: page }) });
      const answer = webhooks.parse(await this.#call(team, 'GET', `/webhooks?${query}`));
      const found = answer.webhooks.find(({ name }) => name === webhookName);
      if (found !== undefined) return found.webhook_id;
      page = answer.next_page_token;
    } while (page !== undefined && page !== '');
    return undefined;
  }

  #registered(team: string, name: string): Promise<unknown> {
    return this.#call(team, 'GET', `/registered-models/get?${new URLSearchParams({ name })}`);
  }

  #model({ name, aliases }: z.infer<typeof model>): RegisteredModel {
    const found = aliases.find((each) => each.alias === this.#options.alias);
    return { name, champion: found?.version };
  }

  async #unlessGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  async #call(team: string, method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): Promise<unknown> {
    const { url, tokens } = this.#options;
    const bearer = await tokens?.token();
    const answer = await request(`${url}${api}${path}`, {
      method,
      headers: {
        'x-mlflow-workspace': team,
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      headersTimeout: 30_000,
      bodyTimeout: 30_000,
    });
    const text = await answer.body.text();
    if (answer.statusCode === 200) return text === '' ? {} : JSON.parse(text);
    if (answer.statusCode === 401) tokens?.renew();
    throw failure(path, answer.statusCode, text);
  }
}

const failure = (path: string, status: number, text: string): RegistryError => {
  const where = path.split('?', 1)[0] ?? path;
  try {
    const { error_code, message } = JSON.parse(text) as { error_code?: string; message?: string };
    return new RegistryError(where, status, error_code ?? '', message ?? '');
  } catch {
    return new RegistryError(where, status, '', text);
  }
};
