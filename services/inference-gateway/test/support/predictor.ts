import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Behaviour = (received: Received, response: ServerResponse) => void | Promise<void>;

/** A V2 answer with one number. */
export const prediction = (value: number): string =>
  JSON.stringify({
    model_name: 'stub',
    outputs: [{ name: 'predict', shape: [1], datatype: 'FP64', data: [value] }],
  });

export const answers =
  (value: number): Behaviour =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(prediction(value));
  };

export const status =
  (code: number): Behaviour =>
  (_, response) => {
    response.writeHead(code, { 'content-type': 'application/json' }).end('{"error":"stub"}');
  };

/** Holds every request until it is opened. */
export class Gate {
  readonly #opening = Promise.withResolvers<void>();

  open(): void {
    this.#opening.resolve();
  }

  before(behaviour: Behaviour): Behaviour {
    return async (received, response) => {
      await this.#opening.promise;
      await behaviour(received, response);
    };
  }
}

/** A predictor on loopback that does what it is told and remembers what it was asked. */
export class StubPredictor {
  readonly server: Server;
  readonly received: Received[] = [];
  behaviour: Behaviour;

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const received = { method, url, headers, body: Buffer.concat(chunks).toString() };
        this.received.push(received);
        void this.behaviour(received, response);
      });
    });
  }

  static async start(t: TestContext, behaviour: Behaviour = answers(1)): Promise<StubPredictor> {
    const predictor = new StubPredictor(behaviour);
    predictor.server.listen(0, '127.0.0.1');
    await once(predictor.server, 'listening');
    t.after(() => {
      predictor.server.close();
      predictor.server.closeAllConnections();
    });
    return predictor;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
}
