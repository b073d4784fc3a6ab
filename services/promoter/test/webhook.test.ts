import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import Fastify from 'fastify';
import { Metrics } from '../src/metrics.ts';
import { type AliasChange, webhook } from '../src/web/webhook.ts';

const secret = 'a-secret-that-only-the-registry-has';
const now = Date.parse('2026-01-01T12:00:00Z');

const setUp = (fails = false) => {
  const app = Fastify();
  const metrics = new Metrics();
  const changes: AliasChange[] = [];
  const taken = new Set<string>();
  webhook(app, {
    metrics,
    secret,
    alias: 'champion',
    teams: new Set(['team-a']),
    now: () => now,
    deliveries: {
      seen: async (id) => {
        if (fails) throw new Error('the database is away');
        return taken.has(id);
      },
      take: async (id) => {
        if (taken.has(id)) return false;
        taken.add(id);
        return true;
      },
    },
    registry: { model: async (_, name) => (name === 'delays' ? { name, champion: '2' } : undefined) },
    changed: (change) => changes.push(change),
  });
  const counted = async (result: string): Promise<number> =>
    (await metrics.deliveries.get()).values.find(({ labels }) => labels.result === result)?.value ?? 0;
  return { app, changes, counted };
};

interface Sent {
  readonly body?: string;
  readonly id?: string;
  readonly at?: number;
  readonly key?: string;
  readonly signature?: string;
}

const event = (change: object = {}, data: object = {}): string =>
  JSON.stringify({
    entity: 'model_version_alias',
    action: 'created',
    timestamp: '2026-01-01T12:00:00+00:00',
    workspace: 'team-a',
    data: { name: 'delays', alias: 'champion', version: '2', ...data },
    ...change,
  });

const send = async (app: ReturnType<typeof Fastify>, sent: Sent = {}): Promise<number> => {
  const { body = event(), id = randomUUID(), at = now, key = secret } = sent;
  const timestamp = String(Math.floor(at / 1000));
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const answer = await app.inject({
    method: 'POST',
    url: '/webhooks/mlflow',
    headers: {
      'content-type': 'application/json',
      'x-mlflow-delivery-id': id,
      'x-mlflow-timestamp': timestamp,
      'x-mlflow-signature': sent.signature ?? `v1,${mac}`,
    },
    payload: body,
  });
  return answer.statusCode;
};

test('an alias that was set, or taken away, is looked at', async () => {
  const { app, changes, counted } = setUp();
  assert.equal(await send(app), 200);
  assert.equal(await send(app, { body: event({ action: 'deleted' }, { version: undefined }) }), 200);
  assert.deepEqual(changes, [
    { team: 'team-a', model: 'delays', version: '2', at: now },
    { team: 'team-a', model: 'delays', version: undefined, at: now },
  ]);
  assert.equal(await counted('taken'), 2);
});

test('a delivery counts once', async () => {
  const { app, changes, counted } = setUp();
  for (const status of [200, 200, 200]) assert.equal(await send(app, { id: 'one' }), status);
  assert.equal(changes.length, 1);
  assert.equal(await counted('repeated'), 2);
});

const fiveMinutes = 5 * 60_000;
const refused: readonly (readonly [string, Sent, number, string])[] = [
  ["signed with another's secret", { key: 'another-secret-altogether' }, 401, 'unsigned'],
  ['with no signature', { signature: '' }, 401, 'unsigned'],
  ['with a signature of another kind', { signature: 'v2,AAAA' }, 401, 'unsigned'],
  ['older than five minutes', { at: now - fiveMinutes - 1000 }, 401, 'unsigned'],
  ['from the future', { at: now + fiveMinutes + 2000 }, 401, 'unsigned'],
  ['of an unknown model', { body: event({}, { name: 'nothing' }) }, 404, 'unknown'],
  ['of an unknown workspace', { body: event({ workspace: 'team-z' }) }, 404, 'unknown'],
  ['of no workspace', { body: event({ workspace: undefined }) }, 404, 'unknown'],
  ['that is huge', { body: event({ filler: 'x'.repeat(70_000) }) }, 413, 'too large'],
  ['that is no JSON', { body: '{"entity":' }, 400, 'malformed'],
  ['that is no event', { body: '[]' }, 400, 'malformed'],
  ['that names no model', { body: event({}, { name: undefined }) }, 400, 'malformed'],
  ['that is empty', { body: '' }, 400, 'malformed'],
  ['about another alias', { body: event({}, { alias: 'shadow' }) }, 200, 'ignored'],
  ['about something else', { body: event({ entity: 'registered_model' }) }, 200, 'ignored'],
];
for (const [title, sent, status, result] of refused)
  test(`a delivery ${title} answers ${status}, has no effect and is counted`, async () => {
    const { app, changes, counted } = setUp();
    assert.equal(await send(app, sent), status);
    assert.deepEqual(changes, []);
    assert.equal(await counted(result), 1);
  });

test('a change of one byte, of the id or of the time makes a signature worthless', async () => {
  const { app, changes } = setUp();
  const timestamp = String(now / 1000);
  const body = event();
  const mac = createHmac('sha256', secret).update(`one.${timestamp}.${body}`).digest('base64');
  const signature = `v1,${mac}`;
  assert.equal(await send(app, { id: 'one', body, signature }), 200);
  assert.equal(await send(app, { id: 'two', body, signature }), 401);
  assert.equal(await send(app, { id: 'one', body: `${body} `, signature }), 401);
  assert.equal(await send(app, { id: 'one', body, at: now + 1000, signature }), 401);
  assert.equal(changes.length, 1);
});

test('while the database is away the registry is asked to try again', async () => {
  const { app, changes } = setUp(true);
  assert.equal(await send(app), 503);
  assert.deepEqual(changes, []);
});
