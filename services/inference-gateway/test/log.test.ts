import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redact } from '../src/log/redact.ts';
import { canary, only, TestGateway, until } from './support/gateway.ts';
import { answers, type Behaviour, Gate, prediction, StubPredictor, status } from './support/predictor.ts';

const accepts: Behaviour = (_, response) => void response.writeHead(202).end();

const records = (sink: StubPredictor): Record<string, unknown>[] =>
  sink.received.flatMap(({ body }) => JSON.parse(body).records);

const logging = (url: string, sample = 1, redacted: string[] = []) =>
  only(url, { log: { sample, redact: redacted } });

const quick = (sink: StubPredictor, more: Record<string, string> = {}) => ({
  LOG_SINK_URL: sink.url,
  LOG_INTERVAL_MS: '10',
  ...more,
});

test('a prediction is logged with its bodies, the redacted fields hidden on both sides', async (t) => {
  const sink = await StubPredictor.start(t, accepts);
  const predictor = await StubPredictor.start(t, answers(0.75));
  const models = logging(predictor.url, 1, ['passport', 'predict']);
  const gateway = await TestGateway.start(t, models, quick(sink));
  const body = JSON.stringify({
    id: 'a',
    inputs: [
      { name: 'distance', shape: [1], datatype: 'FP64', data: [42] },
      { name: 'passport', shape: [1], datatype: 'BYTES', data: ['X1234567'] },
    ],
    parameters: { passport: 'X1234567', origin: 'BRN' },
  });
  const reply = await gateway.infer('delays', { body, headers: { 'x-request-id': 'request-1' } });
  assert.equal(reply.text, prediction(0.75));
  assert.equal(predictor.received[0]?.body, body);
  await until('the record is there', () => sink.received.length === 1);
  assert.doesNotMatch(sink.received[0]?.body ?? '', /X1234567/);
  const [record] = records(sink);
  assert.equal(record?.['requestId'], 'request-1');
  const { model, version, predictor: name, team, status: code, request, response } = record;
  assert.deepEqual(
    { model, version, name, team, code },
    {
      model: 'delays',
      version: '1',
      name: 'delays-1',
      team: 'team-a',
      code: 200,
    },
  );
  assert.deepEqual(request, {
    id: 'a',
    inputs: [
      { name: 'distance', shape: [1], datatype: 'FP64', data: [42] },
      { name: 'passport', shape: [1], datatype: 'BYTES', data: '[redacted]' },
    ],
    parameters: { passport: '[redacted]', origin: 'BRN' },
  });
  assert.equal((response as { outputs: { data: unknown }[] }).outputs[0]?.data, '[redacted]');
  await until('counted', async () => (await gateway.metric('log_records_total')) === 1);
});

test('a body that is not JSON is not logged, as it could not be redacted', async (t) => {
  const sink = await StubPredictor.start(t, accepts);
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, logging(predictor.url, 1, ['passport']), quick(sink));
  await gateway.infer('delays', { body: 'passport=X1234567' });
  await until('the record is there', () => sink.received.length === 1);
  assert.equal(records(sink)[0]?.['request'], null);
});

test('a body over 128 KiB is not logged, and a batch ends with the record that passes its size', async (t) => {
  const sink = await StubPredictor.start(t, accepts);
  const predictor = await StubPredictor.start(t);
  const settings = quick(sink, { LOG_INTERVAL_MS: '600000', LOG_BATCH_BYTES: '2500' });
  const gateway = await TestGateway.start(t, logging(predictor.url), settings);
  await gateway.infer('delays', { body: JSON.stringify({ inputs: [], padding: 'x'.repeat(128 * 1024) }) });
  for (let i = 0; i < 4; i += 1)
    await gateway.infer('delays', { body: JSON.stringify({ inputs: [], padding: 'x'.repeat(1000) }) });
  await gateway.gateway.stop();
  const all = records(sink);
  assert.equal(all[0]?.['request'], null);
  assert.notEqual(all[0]?.['response'], null);
  assert.equal(all.length, 5);
  assert.deepEqual(
    sink.received.map(({ body }) => JSON.parse(body).records.length),
    [3, 2],
  );
});

test('the sample is taken by the rate of the model', async (t) => {
  const sink = await StubPredictor.start(t, accepts);
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, logging(predictor.url, 0.25), quick(sink));
  for (let i = 0; i < 40; i += 1) await gateway.infer();
  await until('10 records', async () => (await gateway.metric('log_records_total')) === 10);
  assert.equal(records(sink).length, 10);
});

test('the record of a fall-back names both predictors', async (t) => {
  const sink = await StubPredictor.start(t, accepts);
  const stable = await StubPredictor.start(t);
  const candidate = await StubPredictor.start(t, status(500));
  const { delays } = canary(stable.url, candidate.url, 100);
  const models = { delays: { ...delays, log: { sample: 1 } } };
  const gateway = await TestGateway.start(t, models, quick(sink));
  await gateway.infer();
  await until('the record is there', () => sink.received.length === 1);
  const [record] = records(sink);
  assert.equal(record?.['predictor'], 'delays-1');
  assert.equal(record?.['fallbackFrom'], 'delays-2');
});

test('with a sink that hangs predictions go on, memory stays bounded, drops are counted', async (t) => {
  const gate = new Gate();
  t.after(() => gate.open());
  const sink = await StubPredictor.start(t, gate.before(accepts));
  const predictor = await StubPredictor.start(t);
  const limit = 20_000;
  const settings = quick(sink, { LOG_MAX_BYTES: String(limit), LOG_BATCH_RECORDS: '5' });
  const gateway = await TestGateway.start(t, logging(predictor.url), settings);
  for (let i = 0; i < 100; i += 1) {
    assert.equal((await gateway.infer()).status, 200);
    assert.ok((gateway.gateway.log?.bytes ?? Number.NaN) <= limit);
  }
  const dropped = await gateway.metric('log_dropped_total', { reason: 'full' });
  assert.ok(dropped > 50, `${dropped} dropped`);
  gate.open();
  await until('the rest arrives', async () => (await gateway.metric('log_records_total')) === 100 - dropped);
  assert.equal(gateway.gateway.log?.bytes, 0);
});

test('a sink that fails for a moment loses nothing; one that refuses is not asked again', async (t) => {
  const sink = await StubPredictor.start(t, (received, response) => {
    sink.behaviour = accepts;
    return status(503)(received, response);
  });
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, logging(predictor.url), quick(sink));
  await gateway.infer();
  await until('accepted', async () => (await gateway.metric('log_records_total')) === 1);
  assert.equal(sink.received.length, 2);
  sink.behaviour = status(400);
  await gateway.infer();
  await until('dropped', async () => (await gateway.metric('log_dropped_total', { reason: 'sink' })) === 1);
  assert.equal(sink.received.length, 3);
});

test('with the sink gone no prediction fails and each record is dropped after its tries', async (t) => {
  const sink = await StubPredictor.start(t, (_, response) => void response.destroy());
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, logging(predictor.url), quick(sink));
  for (let i = 0; i < 20; i += 1) assert.equal((await gateway.infer()).status, 200);
  await until('dropped', async () => (await gateway.metric('log_dropped_total', { reason: 'sink' })) === 20);
  assert.equal(gateway.gateway.log?.bytes, 0);
});

test('stopping hands over what waits', async (t) => {
  const sink = await StubPredictor.start(t, accepts);
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(
    t,
    logging(predictor.url),
    quick(sink, { LOG_INTERVAL_MS: '600000' }),
  );
  for (let i = 0; i < 3; i += 1) await gateway.infer();
  await gateway.gateway.stop();
  assert.equal(records(sink).length, 3);
});

test('redaction finds a field at any depth and leaves the rest as it is', () => {
  const body = { a: [{ secret: 1, b: { secret: [2] } }], name: 'x', none: null };
  assert.deepEqual(redact(body, new Set(['secret'])), {
    a: [{ secret: '[redacted]', b: { secret: '[redacted]' } }],
    name: 'x',
    none: null,
  });
});

test('a body that is nested deeper than the stack goes is left out of its record, and nothing ends', async (t) => {
  const sink = await StubPredictor.start(t, accepts);
  const predictor = await StubPredictor.start(t, answers(0.75));
  const gateway = await TestGateway.start(t, logging(predictor.url), quick(sink));
  const depth = 20_000;
  const body = `{"inputs": ${'['.repeat(depth)}${']'.repeat(depth)}}`;
  assert.equal((await gateway.infer('delays', { body })).status, 200);
  await until('the record is there', () => sink.received.length === 1);
  const [record] = records(sink);
  assert.deepEqual([record?.['status'], record?.['request']], [200, null]);
  assert.equal((await gateway.infer('delays')).status, 200);
});
