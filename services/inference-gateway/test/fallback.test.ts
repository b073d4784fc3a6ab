import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { canary, inputs, only, TestGateway, until } from './support/gateway.ts';
import { answers, type Behaviour, Gate, prediction, StubPredictor, status } from './support/predictor.ts';

const html: Behaviour = (_, response) =>
  void response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>');
const garbage: Behaviour = (_, response) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end('{"outputs":[{"name":"x"}]}');
const breaks: Behaviour = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"outputs":', () => response.destroy());
};
const resets: Behaviour = (_, response) => void response.destroy();

for (const [what, behaviour, reason] of [
  ['answers 500', status(500), '5xx'],
  ['answers 503', status(503), '5xx'],
  ['does not have the model (404)', status(404), '4xx'],
  ['answers with a page', html, 'invalid'],
  ['answers with garbage', garbage, 'invalid'],
  ['breaks off its answer', breaks, 'unreachable'],
  ['drops the connection', resets, 'unreachable'],
] as const)
  test(`a candidate that ${what}: the stable predictor answers, and it is counted`, async (t) => {
    const stable = await StubPredictor.start(t, answers(1));
    const candidate = await StubPredictor.start(t, behaviour);
    const gateway = await TestGateway.start(t, canary(stable.url, candidate.url, 50));
    for (let i = 0; i < 10; i += 1) {
      const reply = await gateway.infer();
      assert.equal(reply.status, 200);
      assert.equal(reply.text, prediction(1));
    }
    assert.equal(candidate.received.length, 5);
    assert.equal(stable.received.length, 10);
    assert.equal(await gateway.metric('fallbacks_total', { model: 'delays', version: '2', reason }), 5);
    assert.equal(await gateway.metric('attempts_total', { version: '2' }), 5);
    assert.equal(await gateway.metric('requests_total', { version: '1', code: '200' }), 10);
  });

test('a candidate that packs its answers when asked to: a caller who asks gets one that could be read', async (t) => {
  const stable = await StubPredictor.start(t, answers(1));
  const candidate = await StubPredictor.start(t, ({ headers }, response) => {
    const packed = headers['accept-encoding'] !== undefined;
    response.writeHead(200, {
      'content-type': 'application/json',
      ...(packed && { 'content-encoding': 'gzip' }),
    });
    response.end(packed ? gzipSync(prediction(2)) : prediction(2));
  });
  const gateway = await TestGateway.start(t, canary(stable.url, candidate.url, 100));
  assert.equal(
    (await gateway.infer('delays', { headers: { 'accept-encoding': 'gzip' } })).text,
    prediction(2),
  );
  assert.equal(await gateway.metric('fallbacks_total'), 0);
});

test('a candidate that never answers: the stable predictor answers after its time-out', async (t) => {
  const stable = await StubPredictor.start(t, answers(1));
  const never = new Gate();
  const candidate = await StubPredictor.start(t, never.before(answers(2)));
  t.after(() => never.open());
  const gateway = await TestGateway.start(t, canary(stable.url, candidate.url, 100, { timeoutMs: 50 }));
  const reply = await gateway.infer();
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['x-plinth-predictor'], 'delays-1');
  assert.equal(reply.headers['x-plinth-fallback-from'], 'delays-2');
  assert.equal(await gateway.metric('fallbacks_total', { version: '2', reason: 'timeout' }), 1);
  assert.equal(await gateway.metric('attempts_total', { version: '2', result: 'timeout' }), 1);
});

test('a candidate that begins its answer and stalls: the stable predictor answers', async (t) => {
  const stable = await StubPredictor.start(t, answers(1));
  const candidate = await StubPredictor.start(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"outputs":');
  });
  const gateway = await TestGateway.start(t, canary(stable.url, candidate.url, 100, { timeoutMs: 50 }));
  assert.equal((await gateway.infer()).text, prediction(1));
  assert.equal(await gateway.metric('fallbacks_total', { version: '2', reason: 'timeout' }), 1);
});

test('a candidate that is gone: the stable predictor answers', async (t) => {
  const stable = await StubPredictor.start(t, answers(1));
  const gateway = await TestGateway.start(t, canary(stable.url, 'http://127.0.0.1:9', 100));
  assert.equal((await gateway.infer()).text, prediction(1));
  assert.equal(await gateway.metric('fallbacks_total', { version: '2', reason: 'unreachable' }), 1);
});

test('a candidate whose answer is over the limit: the stable predictor answers, and its connection is let go', async (t) => {
  const stable = await StubPredictor.start(t, answers(1));
  let closed = 0;
  const candidate = await StubPredictor.start(t, (_, response) => {
    response.once('close', () => {
      closed += 1;
    });
    response.writeHead(200, { 'content-type': 'application/json' }).write(' '.repeat(5_000_000));
    response.write(prediction(2));
  });
  const gateway = await TestGateway.start(t, canary(stable.url, candidate.url, 100));
  assert.equal((await gateway.infer()).text, prediction(1));
  assert.equal(await gateway.metric('fallbacks_total', { version: '2', reason: 'invalid' }), 1);
  await until('the candidate is let go', () => closed === 1);
});

test("an answer that the gateway has no memory for is no failure of the candidate's", async (t) => {
  const stable = await StubPredictor.start(t, answers(1));
  const candidate = await StubPredictor.start(t, answers(2));
  const models = canary(stable.url, candidate.url, 100);
  const settings = { MAX_BUFFERED_BYTES: String(2 * inputs.length + 20) };
  const gateway = await TestGateway.start(t, models, settings);
  assert.equal((await gateway.infer()).text, prediction(1));
  assert.equal(await gateway.metric('fallbacks_total', { version: '2', reason: 'memory' }), 1);
  assert.equal(await gateway.metric('fallbacks_total'), 1);
});

test('a stable predictor that breaks off in the middle breaks off the answer, and counts as 502', async (t) => {
  const stable = await StubPredictor.start(t, breaks);
  const gateway = await TestGateway.start(t, only(stable.url, { maxConcurrent: 1, maxQueued: 0 }));
  await assert.rejects(gateway.infer());
  await until(
    'counted',
    async () => (await gateway.metric('requests_total', { version: '1', code: '502' })) === 1,
  );
  stable.behaviour = answers(1);
  assert.equal((await gateway.infer()).text, prediction(1), 'its place is free again');
});

test('a request that both refuse is refused, and the candidate is not blamed', async (t) => {
  const stable = await StubPredictor.start(t, status(400));
  const candidate = await StubPredictor.start(t, status(400));
  const gateway = await TestGateway.start(t, canary(stable.url, candidate.url, 100));
  assert.equal((await gateway.infer()).status, 400);
  assert.equal(await gateway.metric('fallbacks_total'), 0);
});

test('the stable predictor gets the body that the candidate got', async (t) => {
  const stable = await StubPredictor.start(t, answers(1));
  const candidate = await StubPredictor.start(t, status(500));
  const gateway = await TestGateway.start(t, canary(stable.url, candidate.url, 100));
  const body = JSON.stringify({ inputs: [], parameters: { text: 'x'.repeat(600_000) } });
  assert.equal((await gateway.infer('delays', { body })).status, 200);
  assert.equal(stable.received[0]?.body, body);
  assert.equal(candidate.received[0]?.body, body);
});

test('the failure of the stable predictor is the answer: 5xx as it is, 504 late, 502 unreachable', async (t) => {
  const never = new Gate();
  const stable = await StubPredictor.start(t, status(500));
  t.after(() => never.open());
  const gateway = await TestGateway.start(t, {
    ...only(stable.url),
    absent: only('http://127.0.0.1:9').delays,
    late: only(stable.url, { timeoutMs: 50 }).delays,
  });
  assert.equal((await gateway.infer()).status, 500);
  assert.equal((await gateway.infer('absent')).status, 502);
  stable.behaviour = never.before(answers(1));
  const late = await gateway.infer('late');
  assert.equal(late.status, 504);
  assert.deepEqual(JSON.parse(late.text), { error: 'delays-1 did not answer in 50 ms' });
});

test('a connection that breaks before an answer is tried once more', async (t) => {
  const predictor = await StubPredictor.start(t, (received, response) => {
    predictor.behaviour = answers(3);
    return resets(received, response);
  });
  const gateway = await TestGateway.start(t, only(predictor.url));
  assert.equal((await gateway.infer()).text, prediction(3));
  assert.equal(await gateway.metric('retries_total', { model: 'delays' }), 1);
});
