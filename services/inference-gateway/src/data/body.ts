import type { Readable } from 'node:stream';

/** A body over its limit. */
export class TooLarge extends Error {}

/** A body whose sender was still waited for when its time was over. */
export class LateBody extends Error {}

/** No memory left for one more body. */
export class NoMemory extends Error {}

/** Bytes that may be held in memory at a time, over all requests. */
export class ByteBudget {
  readonly limit: number;
  readonly #whole: ByteBudget | undefined;
  readonly #teams = new Map<string, ByteBudget>();
  #used = 0;

  constructor(limit: number, whole?: ByteBudget) {
    this.limit = limit;
    this.#whole = whole;
  }

  /** What one team may take of it. Half at most: who sends slowly, and a lot, is to hold up nobody else's models. */
  of(team: string): ByteBudget {
    const found = this.#teams.get(team) ?? new ByteBudget(this.limit / 2, this);
    this.#teams.set(team, found);
    return found;
  }

  get used(): number {
    return this.#used;
  }

  take(bytes: number): boolean {
    if (this.#used + bytes > this.limit || this.#whole?.take(bytes) === false) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
    this.#whole?.give(bytes);
  }
}

/**
 * Passes a body on as it comes; throws TooLarge once it is over the limit. The source stays open then, so that
 * its sender can still be answered.
 */
export class Streamed implements AsyncIterable<Buffer> {
  readonly #source: Readable;
  readonly #limit: number;
  #awaited = false;

  constructor(source: Readable, limit: number) {
    this.#source = source;
    this.#limit = limit;
  }

  /** Whether its sender is who is waited for, not who reads it. */
  get awaited(): boolean {
    return this.#awaited;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    let size = 0;
    this.#awaited = true;
    for await (const chunk of this.#source.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > this.#limit) throw new TooLarge(`more than ${this.#limit} bytes`);
      this.#awaited = false;
      yield chunk as Buffer;
      this.#awaited = true;
    }
    this.#awaited = false;
  }
}

/**
 * The whole body, on account of a budget; the caller gives its length back. On TooLarge and NoMemory the source
 * stays open, paused. By events: an iterator costs three times as much for a small body.
 */
export const collect = (source: Readable, limit: number, budget: ByteBudget): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let held = 0;
    const end = () => {
      off();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    };
    const fail = (error: Error) => {
      off();
      source.pause();
      budget.give(held);
      reject(error);
    };
    const close = () => fail(source.errored ?? new Error('the body broke off'));
    const data = (chunk: Buffer) => {
      if (held + chunk.length > limit) return fail(new TooLarge(`more than ${limit} bytes`));
      if (!budget.take(chunk.length)) return fail(new NoMemory(`${budget.limit} bytes are in use`));
      held += chunk.length;
      chunks.push(chunk);
    };
    const off = () => {
      source.off('end', end).off('error', fail).off('close', close).off('data', data);
    };
    if (source.closed) return close();
    source.on('end', end).on('error', fail).on('close', close).on('data', data);
  });

/** Keeps a copy of what passes, unless that is more than the limit: then nothing. */
export class Capture {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  keep(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size <= this.#limit) this.#chunks.push(chunk);
    else this.#chunks.length = 0;
  }

  /** Undefined if the body was over the limit. */
  get body(): Buffer | undefined {
    return this.#size > this.#limit ? undefined : Buffer.concat(this.#chunks);
  }
}
