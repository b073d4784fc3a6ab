import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';

export interface ApiOptions {
  /** Address of the API server. */
  readonly api: string;
  /** Where `token` and `ca.crt` of the pod's ServiceAccount are. */
  readonly account: string;
}

/** An object as far as its address goes. */
export interface Addressed {
  readonly apiVersion: string;
  readonly kind: keyof typeof plurals;
  readonly metadata: { readonly name: string; readonly namespace: string };
}

const plurals = {
  ConfigMap: 'configmaps',
  Deployment: 'deployments',
  HorizontalPodAutoscaler: 'horizontalpodautoscalers',
  Pod: 'pods',
  PodDisruptionBudget: 'poddisruptionbudgets',
  Service: 'services',
} as const;

/** The API server refuses, with its own status and message. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(method: string, path: string, status: number, message: string) {
    super(`${method} ${path}: ${status} ${message.slice(0, 500)}`);
    this.status = status;
  }
}

const fieldManager = 'plinth-promoter';
const timeoutMs = 20_000;
/** Kubernetes renews the file of a token long before it expires. */
const tokenMs = 60_000;

const messageOf = (text: string): string => {
  try {
    return String((JSON.parse(text) as { readonly message?: unknown }).message ?? text);
  } catch {
    return text;
  }
};

/**
 * The five requests that the promoter makes. Kubernetes' own client keeps 50 MiB of models of everything else in
 * memory, three times what the rest of this service takes.
 */
export class KubernetesApi {
  readonly #options: ApiOptions;
  #agent: Promise<Agent> | undefined;
  #token: { readonly text: Promise<string>; readonly until: number } | undefined;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /** Throws `ApiError` where there is no such object. */
  async get<T>(apiVersion: string, kind: Addressed['kind'], namespace: string, name: string): Promise<T> {
    return (await this.#ask('GET', pathOf({ apiVersion, kind, metadata: { name, namespace } }))) as T;
  }

  async list<T>(
    apiVersion: string,
    kind: Addressed['kind'],
    namespace: string,
    labels: Readonly<Record<string, string>>,
  ): Promise<readonly T[]> {
    const labelSelector = Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(',');
    const path = pathOf({ apiVersion, kind, metadata: { name: '', namespace } });
    const answer = await this.#ask('GET', path, { labelSelector });
    return (answer as { readonly items: readonly T[] }).items;
  }

  /** Server-side apply: what it makes is its own, also where others have changed it. */
  async apply(object: Addressed): Promise<void> {
    const query = { fieldManager, force: 'true' };
    await this.#ask('PATCH', pathOf(object), query, 'application/apply-patch+yaml', object);
  }

  /** Throws `ApiError` with 409 where `metadata.resourceVersion` isn't the object's any more. */
  async merge(object: Addressed): Promise<void> {
    await this.#ask('PATCH', pathOf(object), { fieldManager }, 'application/merge-patch+json', object);
  }

  async remove(object: Addressed): Promise<void> {
    await this.#ask('DELETE', pathOf(object), { propagationPolicy: 'Background' });
  }

  async #ask(
    method: 'GET' | 'PATCH' | 'DELETE',
    path: string,
    query: Readonly<Record<string, string>> = {},
    type?: string,
    body?: object,
  ): Promise<unknown> {
    const { api, account } = this.#options;
    this.#agent ??= agentFor(api, account);
    const answer = await request(`${api}${path}`, {
      method,
      query: { ...query },
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${await this.#bearer()}`,
        ...(type === undefined ? {} : { 'content-type': type }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      dispatcher: await this.#agent,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new ApiError(method, path, answer.statusCode, messageOf(text));
    return text === '' ? {} : JSON.parse(text);
  }

  #bearer(): Promise<string> {
    if (this.#token === undefined || performance.now() >= this.#token.until) {
      const text = readFile(join(this.#options.account, 'token'), 'utf8').then((content) => content.trim());
      this.#token = { text, until: performance.now() + tokenMs };
    }
    return this.#token.text;
  }
}

const agentFor = async (api: string, account: string): Promise<Agent> =>
  new Agent({
    connections: 4,
    connect: {
      timeout: 5000,
      ...(api.startsWith('https:') ? { ca: await readFile(join(account, 'ca.crt'), 'utf8') } : {}),
    },
  });

const pathOf = ({ apiVersion, kind, metadata: { name, namespace } }: Addressed): string => {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const path = `${group}/namespaces/${encodeURIComponent(namespace)}/${plurals[kind]}`;
  return name === '' ? path : `${path}/${encodeURIComponent(name)}`;
};
