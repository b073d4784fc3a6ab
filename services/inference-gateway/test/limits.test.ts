import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { Limiter } from '../src/routing/limiter.ts';
import { inputs, only, TestGateway, until } from './support/gateway.ts';
import { answers, Gate, prediction, StubPredictor } from './support/predictor.ts';

const chunks = (count: number, size: number): Readable =>
  Readable.from(Array.from({ length: count }, () => Buffer.alloc(size, 'x')));

test('a body over the limit gets 413, by its declared length or as it streams in', async (t) => {
  const predictor = await StubPredictor.start(t);
  let connections = 0;
  predictor.server.on('connection', () => {
    connections += 1;
  });
  const gateway = await TestGateway.start(t, only(predictor.url), { MAX_REQUEST_BYTES: '1000000' });
  assert.equal((await gateway.infer('delays', { body: Buffer.alloc(1_000_001) })).status, 413);
  assert.equal(connections, 0, 'nothing was sent to a predictor');
  const streamed = await gateway.infer('delays', { body: chunks(40, 50_000) });
  assert.equal(streamed.status, 413);
  assert.equal(predictor.received.length, 0, 'no predictor got a whole body');
  assert.equal((await gateway.infer('delays', { body: Buffer.alloc(1_000_000) })).status, 200);
  assert.equal(predictor.received[0]?.body.length, 1_000_000);
});

test('a large body streams through without being held', async (t) => {
  const predictor = await StubPredictor.start(t);
  const settings = { MAX_REQUEST_BYTES: '8000000', MAX_BUFFERED_BYTES: '300000' };
  const gateway = await TestGateway.start(t, only(predictor.url), settings);
  assert.equal((await gateway.infer('delays', { body: chunks(60, 100_000) })).status, 200);
  assert.equal(predictor.received[0]?.body.length, 6_000_000);
});

test('bodies that must be held are refused with 503 past the memory for them', async (t) => {
  const predictor = await StubPredictor.start(t);
  const settings = { MAX_BUFFERED_BYTES: '300000', LOG_SINK_URL: 'http://127.0.0.1:9' };
  const gateway = await TestGateway.start(t, only(predictor.url, { log: { sample: 1 } }), settings);
  const refused = await gateway.infer('delays', { body: chunks(4, 50_000) });
  assert.equal(refused.status, 503);
  assert.equal(refused.headers['retry-after'], '1');
  for (let i = 0; i < 5; i += 1)
    assert.equal((await gateway.infer('delays', { body: chunks(2, 50_000) })).status, 200, 'given back');
});

test("one team's slow uploads leave half of the memory for bodies to others", async (t) => {
  const predictor = await StubPredictor.start(t);
  const settings = { MAX_BUFFERED_BYTES: '300000', LOG_SINK_URL: 'http://127.0.0.1:9' };
  const { delays } = only(predictor.url, { log: { sample: 1 } });
  const gateway = await TestGateway.start(t, { delays, theirs: { ...delays, team: 'team-b' } }, settings);
  const slow = new PassThrough();
  t.after(() => slow.destroy());
  slow.write(Buffer.alloc(140_000));
  const pending = gateway.infer('delays', { body: slow });
  await until('its team has no memory left', async () => {
    return (await gateway.infer('delays', { body: chunks(1, 50_000) })).status === 503;
  });
  const token = await gateway.issuer.token({ groups: ['/teams/team-b'] });
  assert.equal((await gateway.infer('theirs', { token, body: chunks(2, 70_000) })).status, 200);
  slow.end();
  assert.equal((await pending).status, 200);
  assert.equal((await gateway.infer('delays', { body: chunks(2, 70_000) })).status, 200, 'given back');
});

test('past the running and the waiting requests of a model the next one gets 503 at once', async (t) => {
  const gate = new Gate();
  t.after(() => gate.open());
  const predictor = await StubPredictor.start(t, gate.before(answers(1)));
  const other = await StubPredictor.start(t, answers(2));
  const limits = { maxConcurrent: 2, maxQueued: 1, timeoutMs: 60_000 };
  const models = { ...only(predictor.url, limits), other: only(other.url).delays };
  const gateway = await TestGateway.start(t, models);
  const pending = [gateway.infer(), gateway.infer(), gateway.infer()];
  await until('2 run', () => predictor.received.length === 2);
  await until('1 waits', async () => (await gateway.metric('queued_requests', { model: 'delays' })) === 1);
  assert.equal(await gateway.metric('running_requests', { model: 'delays' }), 2);
  const refused = await gateway.infer();
  assert.equal(refused.status, 503);
  assert.equal(refused.headers['retry-after'], '1');
  assert.equal((await gateway.infer('other')).text, prediction(2), 'another model is not held up');
  gate.open();
  for (const reply of await Promise.all(pending)) assert.equal(reply.status, 200);
});

test('a caller that sends slowly holds no place of the model', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url, { maxConcurrent: 1, maxQueued: 0 }));
  const slow = new PassThrough();
  slow.write(inputs.slice(0, 5));
  const headers = { 'content-length': String(inputs.length) };
  const pending = gateway.infer('delays', { body: slow, headers });
  await until('its request has begun', async () => {
    const { active } = JSON.parse((await gateway.admin('/routes')).text);
    return active[0].requests === 1;
  });
  assert.equal((await gateway.infer()).status, 200);
  slow.end(inputs.slice(5));
  assert.equal((await pending).status, 200);
});

test("a large body that does not arrive in time is its sender's, one that the predictor does not read is not", async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url, { timeoutMs: 1000 }));
  const slow = new PassThrough();
  t.after(() => slow.destroy());
  slow.write(Buffer.alloc(300_000));
  const late = await gateway.infer('delays', { body: slow });
  assert.equal(late.status, 408);
  assert.deepEqual(JSON.parse(late.text), { error: 'the body did not arrive in 1000 ms' });
  assert.equal(await gateway.metric('attempts_total'), 0);
  predictor.server.removeAllListeners('request');
  assert.equal((await gateway.infer('delays', { body: chunks(100, 100_000) })).status, 504);
  assert.equal(await gateway.metric('attempts_total', { result: 'timeout' }), 1);
});

test('who waits longer than the time-out, or leaves, gives its place up', async () => {
  const limiter = new Limiter(1, 2);
  const gone = new AbortController();
  const leave = limiter.enter(60_000, gone.signal);
  assert.equal(typeof leave, 'function');
  assert.equal(await limiter.enter(1, new AbortController().signal), 'late');
  const leaving = limiter.enter(60_000, gone.signal);
  assert.equal(limiter.waiting, 1);
  gone.abort();
  assert.equal(await leaving, 'late');
  const next = limiter.enter(60_000, new AbortController().signal);
  if (typeof leave === 'function') leave();
  if (typeof leave === 'function') leave();
  assert.equal(typeof (await next), 'function');
  assert.equal(limiter.running, 1, 'leaving twice frees one place');
});

test('a caller that leaves frees its place and its predictor', async (t) => {
  const gate = new Gate();
  t.after(() => gate.open());
  let closed = 0;
  const predictor = await StubPredictor.start(t, (received, response) => {
    response.once('close', () => {
      closed += 1;
    });
    return gate.before(answers(1))(received, response);
  });
  const limits = { maxConcurrent: 1, maxQueued: 0, timeoutMs: 600_000 };
  const gateway = await TestGateway.start(t, only(predictor.url, limits));
  const leaving = new AbortController();
  const pending = gateway.infer('delays', { signal: leaving.signal });
  await until('the predictor has it', () => predictor.received.length === 1);
  leaving.abort();
  await assert.rejects(pending);
  await until('the predictor is let go', () => closed === 1);
  await until('counted', async () => (await gateway.metric('requests_total', { code: '499' })) === 1);
  gate.open();
  assert.equal((await gateway.infer()).status, 200);
});
