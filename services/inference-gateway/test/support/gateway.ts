import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { Agent, type Dispatcher, request } from 'undici';
import type { IssuerOptions } from '../../src/auth/issuer.ts';
import { Gateway } from '../../src/gateway.ts';
import { readSettings } from '../../src/settings.ts';
import { TestIssuer } from './issuer.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly text: string;
}

export interface Asking {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly token?: string | null;
  readonly headers?: Record<string, string>;
  readonly body?: Dispatcher.DispatchOptions['body'];
  readonly signal?: AbortSignal;
}

export const inputs = JSON.stringify({
  inputs: [{ name: 'distance', shape: [1], datatype: 'FP64', data: [42] }],
});

/** Polls until the condition holds; the deadline only ends a test that fails anyway. */
export const until = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`30 s passed and still not: ${what}`);
    await pause(5);
  }
};

/** A whole gateway on loopback, with an issuer beside it. */
export class TestGateway {
  readonly gateway: Gateway;
  readonly issuer: TestIssuer;
  readonly file: string;
  readonly #agent = new Agent();
  #token = '';

  constructor(gateway: Gateway, issuer: TestIssuer, file: string) {
    this.gateway = gateway;
    this.issuer = issuer;
    this.file = file;
  }

  static async start(
    t: TestContext,
    models: unknown,
    variables: Record<string, string> = {},
    issuerOptions: Partial<IssuerOptions> = {},
  ): Promise<TestGateway> {
    const folder = await mkdtemp(join(tmpdir(), 'inference-gateway-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'routes.json');
    await writeFile(file, JSON.stringify({ models }));
    const issuer = await TestIssuer.start(t);
    const settings = readSettings({
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_PORT: '0',
      ROUTES_FOLDER: folder,
      OIDC_ISSUER: issuer.url,
      OIDC_AUDIENCE: 'inference',
      TEAM_GROUP_PREFIX: '/teams/',
      SHUTDOWN_SECONDS: '5',
      ...variables,
    });
    const gateway = new Gateway(settings, pino({ level: 'silent' }), issuerOptions);
    const found = new TestGateway(gateway, issuer, file);
    t.after(async () => {
      await found.#agent.destroy();
      await gateway.stop();
    });
    await gateway.start();
    found.#token = await issuer.token();
    return found;
  }

  /** On the data port, with team-a's token unless told otherwise. */
  ask(path: string, asking: Asking = {}): Promise<Reply> {
    const token = asking.token === undefined ? this.#token : asking.token;
    const authorization: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
    return this.#request(this.gateway.dataPort, path, {
      ...asking,
      headers: { ...authorization, ...asking.headers },
    });
  }

  infer(model = 'delays', asking: Asking = {}): Promise<Reply> {
    const headers = { 'content-type': 'application/json', ...asking.headers };
    return this.ask(`/v2/models/${model}/infer`, { method: 'POST', body: inputs, ...asking, headers });
  }

  admin(path: string): Promise<Reply> {
    return this.#request(this.gateway.adminPort, path, {});
  }

  /** Replaces the routes file as a mounted ConfigMap does, by a rename. */
  async write(text: string): Promise<void> {
    await writeFile(`${this.file}.new`, text);
    await rename(`${this.file}.new`, this.file);
  }

  /** The sum of a metric's series with these labels, as Prometheus would scrape it. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const { text } = await this.admin('/metrics');
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    return text
      .split('\n')
      .filter(
        (line) => line.startsWith(`plinth_gateway_${name}{`) || line.startsWith(`plinth_gateway_${name} `),
      )
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  async #request(port: number, path: string, asking: Asking): Promise<Reply> {
    const { statusCode, headers, body } = await request(`http://127.0.0.1:${port}${path}`, {
      method: asking.method ?? 'GET',
      headers: asking.headers ?? {},
      body: asking.body ?? null,
      dispatcher: this.#agent,
      ...(asking.signal && { signal: asking.signal }),
    });
    return { status: statusCode, headers, text: await body.text() };
  }
}

/** One model of team-a with one predictor. */
export const only = (url: string, more: object = {}) => ({
  delays: {
    team: 'team-a',
    stable: 'delays-1',
    predictors: [{ name: 'delays-1', version: '1', url, weight: 100 }],
    ...more,
  },
});

/** The same, and a candidate beside it. */
export const canary = (stable: string, candidate: string, weight: number, more: object = {}) => ({
  delays: {
    team: 'team-a',
    stable: 'delays-1',
    predictors: [
      { name: 'delays-1', version: '1', url: stable, weight: 100 - weight, timeoutMs: 60_000 },
      { name: 'delays-2', version: '2', url: candidate, weight, timeoutMs: 60_000, ...more },
    ],
  },
});
