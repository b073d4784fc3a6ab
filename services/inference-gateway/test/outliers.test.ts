import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verdictsOf } from '../src/predict/outliers.ts';
import { inputs, only, TestGateway, until } from './support/gateway.ts';
import { answers, type Behaviour, Gate, prediction, StubPredictor, status } from './support/predictor.ts';

/** A model with an outlier model, both of team-a unless told otherwise. */
const watched = (
  model: string,
  detector: string,
  { team = 'team-a', sample = 1, timeoutMs = 60_000 } = {},
) => ({
  ...only(model, { outliers: { model: 'far', sample } }),
  far: {
    ...{ team, stable: 'far-9' },
    predictors: [{ name: 'far-9', version: '9', url: detector, weight: 100, timeoutMs }],
  },
});

const says =
  (...outputs: readonly { readonly name: string; readonly data: readonly unknown[] }[]): Behaviour =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ outputs }));
  };

const checks = (gateway: TestGateway, result: string) =>
  gateway.metric('outlier_checks_total', { team: 'team-a', model: 'delays', result });

test('a sample of requests is judged by the outlier model, by who answered them', async (t) => {
  const model = await StubPredictor.start(t, answers(1));
  const detector = await StubPredictor.start(
    t,
    says({ name: 'predict', data: [1, -1, 1] }, { name: 'score', data: [0.1, 0.9, 0.2] }),
  );
  const gateway = await TestGateway.start(t, watched(model.url, detector.url, { sample: 0.5 }));
  for (let i = 0; i < 6; i += 1) assert.equal((await gateway.infer()).text, prediction(1));
  await until('3 checked', async () => (await checks(gateway, 'checked')) === 3);
  const labels = { team: 'team-a', model: 'delays', version: '1' };
  assert.equal(await gateway.metric('outlier_checked_rows_total', labels), 9);
  assert.equal(await gateway.metric('outlier_rows_total', labels), 3);
  assert.equal(await gateway.metric('outlier_score_count', labels), 9);
  assert.ok(Math.abs((await gateway.metric('outlier_score_sum', labels)) - 3.6) < 1e-9);
  assert.deepEqual(
    detector.received.map(({ url, body }) => [url, body]),
    Array.from({ length: 3 }, () => ['/v2/models/far/infer', inputs]),
  );
  assert.equal(await gateway.metric('requests_total', { model: 'far' }), 0);
});

test('an outlier model that hangs delays nobody; past the limit checks are dropped and counted', async (t) => {
  const gate = new Gate();
  t.after(() => gate.open());
  const model = await StubPredictor.start(t, answers(1));
  const detector = await StubPredictor.start(t, gate.before(says({ name: 'outlier', data: [true] })));
  const gateway = await TestGateway.start(t, watched(model.url, detector.url), { MAX_OUTLIER_CHECKS: '4' });
  for (let i = 0; i < 10; i += 1) assert.equal((await gateway.infer()).text, prediction(1));
  assert.equal(await checks(gateway, 'dropped'), 8);
  gate.open();
  await until('2 checked', async () => (await checks(gateway, 'checked')) === 2);
  assert.equal(await gateway.metric('outlier_rows_total'), 2);
});

test('a slow outlier model of several models leaves room for others', async (t) => {
  const gate = new Gate();
  t.after(() => gate.open());
  const model = await StubPredictor.start(t, answers(1));
  const slow = await StubPredictor.start(t, gate.before(answers(1)));
  const quick = await StubPredictor.start(t, says({ name: 'outlier', data: [true] }));
  const models = watched(model.url, slow.url);
  const near = {
    ...models.far,
    predictors: models.far.predictors.map((one) => ({ ...one, url: quick.url })),
  };
  const gateway = await TestGateway.start(
    t,
    {
      ...{ ...models, also: models.delays, near },
      other: only(model.url, { outliers: { model: 'near' } }).delays,
    },
    { MAX_OUTLIER_CHECKS: '4' },
  );
  for (const asked of ['delays', 'delays', 'also', 'also']) await gateway.infer(asked);
  await until('2 dropped', async () => (await gateway.metric('outlier_checks_total')) === 2);
  await gateway.infer('other');
  const labels = { model: 'other', result: 'checked' };
  await until('checked', async () => (await gateway.metric('outlier_checks_total', labels)) === 1);
});

for (const [result, behaviour] of [
  ['failed', status(500)],
  ['unreadable', says({ name: 'predict', data: ['x'] })],
] as const)
  test(`an outlier model whose answer is ${result} fails nobody, and is counted`, async (t) => {
    const model = await StubPredictor.start(t, answers(1));
    const detector = await StubPredictor.start(t, behaviour);
    const gateway = await TestGateway.start(t, watched(model.url, detector.url));
    assert.equal((await gateway.infer()).text, prediction(1));
    await until(result, async () => (await checks(gateway, result)) === 1);
    assert.equal(await gateway.metric('outlier_checked_rows_total'), 0);
  });

test('an outlier model that never answers is given up after its time-out', async (t) => {
  const gate = new Gate();
  t.after(() => gate.open());
  const model = await StubPredictor.start(t, answers(1));
  const detector = await StubPredictor.start(t, gate.before(answers(1)));
  const gateway = await TestGateway.start(t, watched(model.url, detector.url, { timeoutMs: 50 }));
  await gateway.infer();
  await until('given up', async () => (await checks(gateway, 'failed')) === 1);
});

test("requests go to no other team's model, nor to one that isn't there", async (t) => {
  const model = await StubPredictor.start(t, answers(1));
  const foreign = await StubPredictor.start(t, says({ name: 'outlier', data: [1] }));
  const gateway = await TestGateway.start(t, watched(model.url, foreign.url, { team: 'team-b' }));
  assert.equal((await gateway.infer()).text, prediction(1));
  assert.equal(await checks(gateway, 'unserved'), 1);
  assert.equal(foreign.received.length, 0);
});

test('what failed, and what somebody asks one version, is not judged', async (t) => {
  const model = await StubPredictor.start(t, status(400));
  const detector = await StubPredictor.start(t, says({ name: 'outlier', data: [0] }));
  const gateway = await TestGateway.start(t, watched(model.url, detector.url));
  assert.equal((await gateway.infer()).status, 400);
  model.behaviour = answers(1);
  await gateway.ask('/v2/models/delays/versions/1/infer', { method: 'POST', body: inputs });
  await gateway.infer();
  await until('the good one is judged', async () => (await checks(gateway, 'checked')) === 1);
  assert.equal(detector.received.length, 1);
  assert.equal(await gateway.metric('outlier_rows_total'), 0);
});

test('verdicts are read by the name of their output, or as detectors of scikit-learn give them', () => {
  const of = (...outputs: unknown[]) => verdictsOf(Buffer.from(JSON.stringify({ outputs })));
  assert.deepEqual(of({ name: 'is_outlier', data: [0, 1, 1] }), { outliers: 2, rows: 3, scores: [] });
  assert.deepEqual(of({ name: 'outlier', data: [[true], [false]] }), { outliers: 1, rows: 2, scores: [] });
  assert.deepEqual(of({ name: 'output-1', data: [1, -1] }), { outliers: 1, rows: 2, scores: [] });
  assert.deepEqual(of({ name: 'score', data: [3, 9] }, { name: 'outlier', data: [0, 1] }), {
    ...{ outliers: 1, rows: 2, scores: [3, 9] },
  });
  for (const unreadable of [
    of(),
    of({ name: 'output-1', data: [] }),
    of({ name: 'output-1', data: [true] }),
    of({ name: 'outlier', data: [1, null] }),
    verdictsOf(Buffer.from('oops')),
  ])
    assert.equal(unreadable, undefined);
});
