import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { bearer, type Client, type Question, Unanswered } from './client.ts';
import { type Job, job, type Pod, pod, type Quota, quota, type Workload, workload } from './objects.ts';

/** A namespace's workloads, with the pods of those that aren't well. */
export interface NamespaceState {
  readonly namespace: string;
  readonly workloads: readonly (Workload & { readonly kind: 'Deployment' | 'StatefulSet' })[];
  readonly jobs: readonly Job[];
}

/** A pod of this name isn't the one that was meant, or isn't there any more. */
export class Gone extends Error {
  override readonly name = 'Gone';
}

/** The kubelet renews the token's file; it is read again this often. In milliseconds. */
const tokenLasts = 60_000;

/**
 * The Kubernetes API, asked as the portal's own ServiceAccount by plain requests: its client would take twice the memory
 * of everything else. Whoever asks here has decided before what the person may see.
 */
export class Cluster {
  readonly #client: Client;
  readonly #tokenFile: string;
  #token = '';
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(client: Client, tokenFile: string) {
    this.#client = client;
    this.#tokenFile = tokenFile;
  }

  /** Throws `Unanswered`, as everything here. */
  async state(namespace: string): Promise<NamespaceState> {
    const [deployments, statefulSets, jobs] = await Promise.all([
      this.#list(workload, `/apis/apps/v1/namespaces/${namespace}/deployments`),
      this.#list(workload, `/apis/apps/v1/namespaces/${namespace}/statefulsets`),
      this.#list(job, `/apis/batch/v1/namespaces/${namespace}/jobs`),
    ]);
    return {
      namespace,
      workloads: [
        ...deployments.map((each) => ({ ...each, kind: 'Deployment' as const })),
        ...statefulSets.map((each) => ({ ...each, kind: 'StatefulSet' as const })),
      ],
      jobs,
    };
  }

  pods(namespace: string): Promise<readonly Pod[]> {
    return this.#list(pod, `/api/v1/namespaces/${namespace}/pods`);
  }

  quotas(namespace: string): Promise<readonly Quota[]> {
    return this.#list(quota, `/api/v1/namespaces/${namespace}/resourcequotas`);
  }

  /** Deletes the pod of this uid, and no later one of its name: then it throws `Gone`. */
  async deletePod(namespace: string, name: string, uid: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(name)}`;
    const { status } = await this.#ask(path, {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } }),
    });
    if (status === 404 || status === 409) throw new Gone(`${namespace}/${name} isn't there any more`);
    if (status > 299) throw new Unanswered(`${this.#client.name} answers ${status}`, status);
  }

  async #list<Item>(item: z.ZodType<Item>, path: string): Promise<readonly Item[]> {
    const list = z.object({ items: z.array(item) });
    const { items } = await this.#client.json(list, `${path}?limit=500`, await this.#signed({}));
    return items;
  }

  async #ask(path: string, question: Question) {
    return this.#client.ask(path, await this.#signed(question));
  }

  async #signed(question: Question): Promise<Question> {
    if (performance.now() - this.#readAt > tokenLasts) {
      this.#token = (await readFile(this.#tokenFile, 'utf8')).trim();
      this.#readAt = performance.now();
    }
    return { ...question, headers: { ...question.headers, ...bearer(this.#token) } };
  }
}
