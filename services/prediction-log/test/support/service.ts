import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { parquetReadObjects } from 'hyparquet';
import { pino } from 'pino';
import { Refused, type Tokens } from '../../src/api/tokens.ts';
import { Buckets } from '../../src/log/bucket.ts';
import { PredictionLog, portOf } from '../../src/service.ts';
import { readSettings } from '../../src/settings.ts';
import type { Database, Queries } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';

/** PostgreSQL itself, in this process: one for all tests of a file, as it takes a second to start. */
export class TestDatabase implements Database {
  static #known: Promise<TestDatabase> | undefined;
  readonly #lite = new PGlite();

  /** Migrated, and with nothing in it. */
  static async empty(): Promise<TestDatabase> {
    TestDatabase.#known ??= TestDatabase.#make();
    const database = await TestDatabase.#known;
    await database.query('truncate prediction, label, baseline, finding');
    return database;
  }

  static async #make(): Promise<TestDatabase> {
    const database = new TestDatabase();
    await migrate(database);
    // Nothing left to do, and known to be.
    if ((await migrate(database)).length > 0) throw new Error('a migration was done twice');
    return database;
  }

  query<Row extends object>(
    text: string,
    values: unknown[] = [],
  ): Promise<{ readonly rows: readonly Row[] }> {
    return this.#lite.query<Row>(text, values);
  }

  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#lite.transaction((transaction) =>
      work({
        query: <Row extends object>(text: string, values: unknown[] = []) =>
          transaction.query<Row>(text, values),
      }),
    );
  }

  /** Tests look into it after the service has stopped. */
  async close(): Promise<void> {}
}

/** Objects by `bucket/key`; `refuses` makes it fail as a store does that is out of order. */
export class TestStore {
  readonly objects = new Map<string, Buffer>();
  refuses = 0;
  /** Buckets that answer nothing but refusals. */
  readonly dead = new Set<string>();
  url = '';
  connections = (): Promise<number> => Promise.resolve(0);

  static async start(t: TestContext): Promise<TestStore> {
    const store = new TestStore();
    const server = createServer((request, response) => void store.#answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    store.connections = () => promisify(server.getConnections.bind(server))();
    store.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return store;
  }

  /** Every row of the objects whose name has this part. */
  async rows(part: string): Promise<readonly Record<string, unknown>[]> {
    const all: Record<string, unknown>[] = [];
    for (const [name, body] of this.objects)
      if (name.includes(part)) all.push(...(await parquetReadObjects({ file: new Uint8Array(body).buffer })));
    return all;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const [bucket = ''] = request.url?.slice(1).split('/') ?? [];
    if (this.refuses > 0 || this.dead.has(bucket)) {
      this.refuses -= this.dead.has(bucket) ? 0 : 1;
      response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
      return;
    }
    this.objects.set(decodeURIComponent(request.url?.split('?')[0]?.slice(1) ?? ''), Buffer.concat(chunks));
    response.writeHead(200, { etag: '"x"' }).end();
  }
}

/** `Bearer team-a` is a token of team-a. */
const tokens: Pick<Tokens, 'groups'> = {
  async groups(authorization) {
    const group = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    if (group === undefined || group === 'bad') throw new Refused("the token isn't valid here");
    return new Set([group]);
  },
};

export class TestLog {
  readonly service: PredictionLog;
  readonly database: TestDatabase;
  readonly store: TestStore;

  constructor(service: PredictionLog, database: TestDatabase, store: TestStore) {
    this.service = service;
    this.database = database;
    this.store = store;
  }

  static async start(t: TestContext, variables: Record<string, string> = {}): Promise<TestLog> {
    const database = await TestDatabase.empty();
    const store = await TestStore.start(t);
    return TestLog.over(t, database, store, variables);
  }

  /** A process over what another has left. */
  static async over(
    t: TestContext,
    database: TestDatabase,
    store: TestStore,
    variables: Record<string, string> = {},
  ): Promise<TestLog> {
    const settings = readSettings({
      HOST: '127.0.0.1',
      PORT: '0',
      RECORDS_PORT: '0',
      ADMIN_PORT: '0',
      DATABASE_URL: 'postgres://unused',
      TEAM_BUCKETS: JSON.stringify({ 'team-a': 'team-a', 'team-b': 'team-b' }),
      AWS_ENDPOINT_URL_S3: store.url,
      AWS_DEFAULT_REGION: 'plinth',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
      OIDC_ISSUER: 'http://issuer.example',
      OIDC_AUDIENCE: 'inference',
      // Steps are taken by the tests.
      STEP_MS: '3600000',
      FILE_SECONDS: '3600',
      ...variables,
    });
    const bucket = new Buckets(settings);
    const service = new PredictionLog(settings, pino({ level: 'silent' }), { database, bucket, tokens });
    await service.start();
    t.after(() => service.stop());
    return new TestLog(service, database, store);
  }

  send(records: readonly object[]): Promise<Response> {
    return this.raw(JSON.stringify({ records }));
  }

  raw(body: string, type = 'application/json'): Promise<Response> {
    return fetch(`http://127.0.0.1:${portOf(this.service.records)}/records`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
  }

  ask(method: string, path: string, body?: unknown, token: string | null = 'team-a'): Promise<Response> {
    return fetch(`http://127.0.0.1:${portOf(this.service.teams)}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  admin(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${portOf(this.service.admin)}${path}`);
  }

  /** Series with these parts in their labels, by their line up to the value. */
  async series(name: string, ...parts: string[]): Promise<readonly (readonly [string, number])[]> {
    const text = await (await this.admin('/metrics')).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => parts.every((part) => line.includes(part)))
      .map(
        (line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))] as const,
      );
  }

  async sum(name: string, ...parts: string[]): Promise<number> {
    return (await this.series(name, ...parts)).reduce((total, [, value]) => total + value, 0);
  }
}

/** What the inference gateway logs of one prediction. */
export const record = (requestId: string, more: object = {}): object => ({
  requestId,
  time: '2026-11-28T21:30:00.000Z',
  team: 'team-a',
  model: 'delays',
  version: '3',
  predictor: 'delays-3',
  fallbackFrom: null,
  latencyMs: 12.5,
  status: 200,
  request: { inputs: [{ name: 'distance', shape: [1], datatype: 'FP64', data: [842] }] },
  response: { outputs: [{ name: 'predict', shape: [1], datatype: 'FP64', data: [0.25] }] },
  ...more,
});
