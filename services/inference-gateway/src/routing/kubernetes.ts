import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { Documents } from './documents.ts';

export interface ConfigMapOptions {
  readonly name: string;
  /** Unset: the pod's own. */
  readonly namespace?: string;
  /** https address of the API server. */
  readonly api: string;
  /** Where `token`, `ca.crt` and `namespace` of the pod's ServiceAccount are. */
  readonly account: string;
  /** After a watch that failed. */
  readonly againMs?: number;
}

export interface ConfigMapEvents {
  /** All there is; called with the same again when a watch begins anew. */
  changed(documents: Documents, resourceVersion: string): void;
  /** Undefined: it is watched; else why not. Called when that changes. */
  watched(problem: string | undefined): void;
}

const event = z.discriminatedUnion('type', [
  z.object({
    type: z.enum(['ADDED', 'MODIFIED', 'DELETED']),
    object: z.object({
      metadata: z.object({ resourceVersion: z.string() }),
      data: z.record(z.string(), z.string()).default({}),
    }),
  }),
  z.object({ type: z.literal('ERROR'), object: z.object({ message: z.string().default('') }) }),
  z.object({ type: z.literal('BOOKMARK') }),
]);

/** An API server may be behind another by seconds. What is older for longer was brought back from a backup. */
const behindMs = 300_000;

/** Versions of one object can be compared since Kubernetes 1.35; what is no number is taken for newer. */
const isOlder = (version: string, known: string | undefined): boolean =>
  known !== undefined && /^\d+$/.test(version) && /^\d+$/.test(known) && BigInt(version) < BigInt(known);

/** One watch; the next tells the whole state again, so a connection that died unnoticed is made up for. */
const watchSeconds = 120;

/**
 * Follows one ConfigMap by the Kubernetes API. A watch from version 0 begins with what there is, so no right to read it
 * is needed beside that to watch it. One request of one kind: not worth a client library.
 */
export class ConfigMapWatch {
  readonly #options: ConfigMapOptions;
  readonly #events: ConfigMapEvents;
  readonly #stop = new AbortController();
  #problem: string | undefined | null = null;
  #version: string | undefined;
  /** Since when only older ones came. */
  #behindSince: number | undefined;

  constructor(options: ConfigMapOptions, events: ConfigMapEvents) {
    this.#options = options;
    this.#events = events;
  }

  start(): void {
    void this.#follow();
  }

  close(): void {
    this.#stop.abort();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    const { againMs = 1000 } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#watch();
      } catch (error) {
        if (!signal.aborted) this.#tell(error instanceof Error ? error.message : String(error));
      }
      // Replicas that lost the same API server don't come back in the same moment.
      await pause(againMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
    }
  }

  async #watch(): Promise<void> {
    const { api, name, account, namespace = '' } = this.#options;
    const [token, ca, own] = await Promise.all(
      ['token', 'ca.crt', 'namespace'].map((file) => readFile(join(account, file), 'utf8')),
    );
    const query = new URLSearchParams({
      watch: 'true',
      fieldSelector: `metadata.name=${name}`,
      // What the API server has at hand. The newest, without this, is a time-out where etcd is older than 3.4.25.
      resourceVersion: '0',
      timeoutSeconds: String(watchSeconds),
    });
    const agent = new Agent({ connect: { ca: ca ?? '', timeout: 5000 } });
    try {
      const answer = await request(
        `${api}/api/v1/namespaces/${namespace || own?.trim()}/configmaps?${query}`,
        {
          headers: { authorization: `Bearer ${token?.trim()}` },
          dispatcher: agent,
          signal: this.#stop.signal,
          headersTimeout: 10_000,
          bodyTimeout: (watchSeconds + 15) * 1000,
        },
      );
      if (answer.statusCode !== 200)
        throw new Error(`${api} answered ${answer.statusCode}: ${(await answer.body.text()).slice(0, 300)}`);
      this.#tell(undefined);
      for await (const line of lines(answer.body)) this.#take(line);
    } finally {
      await agent.destroy();
    }
  }

  #take(line: string): void {
    const found = event.parse(JSON.parse(line));
    switch (found.type) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED': {
        const { data, metadata } = found.object;
        if (this.#isBehind(metadata.resourceVersion)) return;
        this.#events.changed(found.type === 'DELETED' ? {} : data, metadata.resourceVersion);
        return;
      }
      case 'ERROR':
        throw new Error(`watch: ${found.object.message}`);
      case 'BOOKMARK':
        return;
      default:
        found satisfies never;
    }
  }

  /** A watch that begins anew, at another API server, may begin with what was: nothing goes back in time. */
  #isBehind(version: string): boolean {
    if (isOlder(version, this.#version)) {
      this.#behindSince ??= performance.now();
      if (performance.now() - this.#behindSince < behindMs) return true;
    }
    this.#behindSince = undefined;
    this.#version = version;
    return false;
  }

  #tell(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#events.watched(problem);
  }
}

async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    yield* parts.filter((part) => part !== '');
  }
}
