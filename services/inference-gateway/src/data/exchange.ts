import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Metrics } from '../metrics.ts';
import type { Served } from '../predict/infer.ts';
import type { Capture } from './body.ts';
import { toCaller } from './headers.ts';

/** One request and its response, counted when the connection is done with both. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** Empty until the caller may use it: metrics never show what a caller made up. */
  team = '';
  model = '';
  version = '';
  readonly #gone = new AbortController();
  readonly #begun = performance.now();
  #source: Readable | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, requestId: string, metrics: Metrics) {
    this.request = request;
    this.response = response;
    this.requestId = requestId;
    response.once('close', () => {
      const { team, model, version } = this;
      const whole = response.writableFinished;
      if (!whole) this.#gone.abort();
      // 499 as in nginx: the caller left. A body that the predictor broke off is the predictor's failure.
      const broken = this.#source?.errored ? '502' : '499';
      metrics.requests.inc({ team, model, version, code: whole ? String(response.statusCode) : broken });
      if (version !== '') metrics.requestSeconds.observe({ team, model, version }, this.seconds);
    });
  }

  /** Aborted when the caller leaves before its answer is whole. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get seconds(): number {
    return (performance.now() - this.#begun) / 1000;
  }

  /** Writes an answer as it comes; `capture` keeps a copy. */
  async send(served: Served, capture?: Capture): Promise<void> {
    if (this.gone.aborted) throw new Error('the caller left');
    this.version = served.predictor.version;
    const { body, fallbackFrom } = served;
    const headers = toCaller(served.headers);
    headers['x-plinth-predictor'] = served.predictor.name;
    if (fallbackFrom !== undefined) headers['x-plinth-fallback-from'] = fallbackFrom.name;
    this.response.writeHead(served.status, headers);
    if (Buffer.isBuffer(body)) {
      capture?.keep(body);
      this.response.end(body);
      return;
    }
    this.#source = body;
    await this.#pipe(body, capture);
  }

  /** By hand: stream.pipeline costs a tenth of what the gateway adds to a small answer. */
  #pipe(body: Readable, capture: Capture | undefined): Promise<void> {
    const { response } = this;
    return new Promise((resolve, reject) => {
      if (capture !== undefined) body.on('data', (chunk: Buffer) => capture.keep(chunk));
      const breakOff = () => response.destroy();
      body.on('error', breakOff);
      response.once('close', () => {
        if (response.writableFinished) return resolve();
        body.destroy();
        reject(new Error('the answer broke off'));
      });
      if (body.errored === null) body.pipe(response);
      else breakOff();
    });
  }
}
