import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Serves watches of a ConfigMap of each namespace as the Kubernetes API does: each begins with what there is. */
export class TestKubernetes {
  readonly account: string;
  readonly asked: { readonly url: string; readonly authorization: string | undefined }[] = [];
  /** Answered instead of a watch. */
  refuses: number | undefined;
  readonly #server: Server;
  readonly #watches = new Map<ServerResponse, string>();
  readonly #data = new Map<string, Readonly<Record<string, string>>>();
  #version = 1;

  constructor(account: string) {
    this.account = account;
    this.#server = createServer((request, response) => {
      this.asked.push({ url: request.url ?? '', authorization: request.headers.authorization });
      if (this.refuses !== undefined) return void response.writeHead(this.refuses).end('{"message":"no"}');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      const namespace = /namespaces\/([^/]+)\//.exec(request.url ?? '')?.[1] ?? '';
      this.#watches.set(response, namespace);
      response.on('close', () => this.#watches.delete(response));
      if (this.#data.has(namespace)) response.write(this.#event('ADDED', namespace));
    });
  }

  static async start(t: TestContext): Promise<TestKubernetes> {
    const account = await mkdtemp(join(tmpdir(), 'service-account-'));
    const files = { token: 'pod-token', 'ca.crt': '', namespace: 'serving' };
    for (const [name, text] of Object.entries(files)) await writeFile(join(account, name), text);
    const made = new TestKubernetes(account);
    made.#server.listen(0, '127.0.0.1');
    await once(made.#server, 'listening');
    t.after(async () => {
      made.#server.close();
      made.#server.closeAllConnections();
      await rm(account, { recursive: true });
    });
    return made;
  }

  get variables(): Record<string, string> {
    return {
      ROUTES_CONFIG_MAP: 'inference-routes',
      KUBERNETES_API: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      SERVICE_ACCOUNT_FOLDER: this.account,
    };
  }

  get version(): string {
    return String(this.#version);
  }

  get watches(): number {
    return this.#watches.size;
  }

  /** Undefined: the ConfigMap is deleted. */
  set(documents: Readonly<Record<string, unknown>> | undefined, namespace = 'serving'): void {
    const kind = documents === undefined ? 'DELETED' : this.#data.has(namespace) ? 'MODIFIED' : 'ADDED';
    this.#version += 1;
    if (documents !== undefined) {
      const entries = Object.entries(documents).map(
        ([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const,
      );
      this.#data.set(namespace, Object.fromEntries(entries));
    }
    const event = this.#event(kind, namespace);
    // In two pieces, as a network may deliver it.
    for (const [watch, of] of this.#watches) {
      if (of !== namespace) continue;
      watch.write(event.slice(0, 30));
      watch.write(event.slice(30));
    }
    if (documents === undefined) this.#data.delete(namespace);
  }

  /** What it says next is so many versions older than what it said last. */
  back(versions: number): void {
    this.#version -= versions;
  }

  /** Every watch ends, as that of an API server that goes. */
  end(): void {
    for (const watch of this.#watches.keys()) watch.end();
  }

  #event(type: string, namespace: string): string {
    const metadata = { name: 'inference-routes', resourceVersion: this.version };
    return `${JSON.stringify({ type, object: { kind: 'ConfigMap', metadata, data: this.#data.get(namespace) } })}\n`;
  }
}
