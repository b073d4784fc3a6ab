import { setImmediate as turn } from 'node:timers/promises';
import { fetch } from 'undici';
import type { Metrics } from '../metrics.ts';
import { loggable } from './redact.ts';

/** One prediction, with its bodies as they came. */
export interface Prediction {
  readonly requestId: string;
  readonly time: Date;
  readonly team: string;
  readonly model: string;
  readonly version: string;
  readonly predictor: string;
  /** The candidate for which the stable predictor answered. */
  readonly fallbackFrom: string | undefined;
  readonly status: number;
  readonly milliseconds: number;
  /** Undefined: too large to keep. */
  readonly request: Buffer | undefined;
  readonly response: Buffer | undefined;
  readonly redact: ReadonlySet<string>;
}

export interface LogOptions {
  readonly url: string;
  readonly maxBytes: number;
  readonly batchRecords: number;
  /** A batch ends with the record that passes it. */
  readonly batchBytes: number;
  readonly intervalMs: number;
  /** Tries of one batch before it is dropped. */
  readonly tries?: number;
}

/** Bytes of a record beside its bodies, about. */
const overhead = 512;
const sizeOf = ({ request, response }: Prediction): number =>
  overhead + (request?.length ?? 0) + (response?.length ?? 0);

const line = (one: Prediction): string =>
  JSON.stringify({
    requestId: one.requestId,
    time: one.time.toISOString(),
    team: one.team,
    model: one.model,
    version: one.version,
    predictor: one.predictor,
    fallbackFrom: one.fallbackFrom ?? null,
    latencyMs: Math.round(one.milliseconds * 1000) / 1000,
    status: one.status,
    request: loggable(one.request, one.redact),
    response: loggable(one.response, one.redact),
  });

/** Bodies may be nested deeper than the stack goes: such a record is without them. */
const encoded = (one: Prediction): string => {
  try {
    return line(one);
  } catch {
    return line({ ...one, request: undefined, response: undefined });
  }
};

/**
 * Hands prediction records to a sink over HTTP, in batches. Adding never waits: past `maxBytes` of
 * waiting records new ones are dropped and counted, and so is a batch that the sink didn't take after its tries.
 */
export class PredictionLog {
  readonly #options: Required<LogOptions>;
  readonly #metrics: Metrics;
  readonly #timer: NodeJS.Timeout;
  readonly #stop = new AbortController();
  #waiting: Prediction[] = [];
  #bytes = 0;
  #flushing: Promise<void> | undefined;

  constructor(options: LogOptions, metrics: Metrics) {
    this.#options = { tries: 3, ...options };
    this.#metrics = metrics;
    this.#timer = setInterval(() => void this.flush(), options.intervalMs).unref();
  }

  /** Bytes of records that wait or are on their way. */
  get bytes(): number {
    return this.#bytes;
  }

  add(prediction: Prediction): void {
    const size = sizeOf(prediction);
    if (this.#bytes + size > this.#options.maxBytes) {
      this.#metrics.logDropped.inc({ reason: 'full' });
      return;
    }
    this.#bytes += size;
    this.#waiting.push(prediction);
    if (this.#waiting.length >= this.#options.batchRecords) void this.flush();
  }

  /** Sends what waits, one batch after the other; resolves when nothing waits. */
  flush(): Promise<void> {
    this.#flushing ??= this.#drain().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  /** Sends the rest within the given time and drops, counted, what is left after it. */
  async close(withinMs: number): Promise<void> {
    clearInterval(this.#timer);
    const timer = setTimeout(() => this.#stop.abort(), withinMs);
    await this.flush();
    clearTimeout(timer);
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#next());
      const taken = await this.#send(await this.#encode(batch));
      if (taken) this.#metrics.logged.inc(batch.length);
      else this.#metrics.logDropped.inc({ reason: 'sink' }, batch.length);
      this.#bytes -= batch.reduce((sum, one) => sum + sizeOf(one), 0);
    }
  }

  /** How many records make the next batch. */
  #next(): number {
    const { batchRecords, batchBytes } = this.#options;
    let bytes = 0;
    let count = 0;
    for (const prediction of this.#waiting) {
      if (count === batchRecords || bytes >= batchBytes) break;
      bytes += sizeOf(prediction);
      count += 1;
    }
    return count;
  }

  /** One record a turn of the event loop: parsing a batch at once would hold up predictions. */
  async #encode(batch: readonly Prediction[]): Promise<string> {
    const records: string[] = [];
    for (const prediction of batch) {
      records.push(encoded(prediction));
      await turn();
    }
    return `{"records":[${records.join(',')}]}`;
  }

  async #send(body: string): Promise<boolean> {
    for (let left = this.#options.tries; left > 0 && !this.#stop.signal.aborted; left -= 1) {
      try {
        const answer = await fetch(this.#options.url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
          signal: AbortSignal.any([AbortSignal.timeout(10_000), this.#stop.signal]),
        });
        await answer.body?.cancel();
        if (answer.ok) return true;
        // The same bytes won't please it the next time either.
        if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) return false;
      } catch {
        // Unreachable or too slow: the next try.
      }
      if (left > 1) await this.#pause();
    }
    return false;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, this.#options.intervalMs);
      const { signal } = this.#stop;
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
  }
}
