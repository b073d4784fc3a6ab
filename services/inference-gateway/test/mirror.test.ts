import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from '../src/predict/answers.ts';
import { inputs, only, TestGateway, until } from './support/gateway.ts';
import { answers, Gate, prediction, StubPredictor, status } from './support/predictor.ts';

const mirrored = (stable: string, mirror: string, timeoutMs = 60_000) => {
  const { delays } = only(stable);
  const shadow = { name: 'delays-2', version: '2', url: mirror, weight: 0, mirror: true, timeoutMs };
  return { delays: { ...delays, predictors: [...delays.predictors, shadow] } };
};

for (const [result, behaviour] of [
  ['match', answers(1)],
  ['differ', answers(2)],
  ['failed', status(500)],
] as const)
  test(`a mirrored request gets the stable answer and counts as "${result}"`, async (t) => {
    const stable = await StubPredictor.start(t, answers(1));
    const mirror = await StubPredictor.start(t, behaviour);
    const gateway = await TestGateway.start(t, mirrored(stable.url, mirror.url));
    for (let i = 0; i < 3; i += 1) assert.equal((await gateway.infer()).text, prediction(1));
    const labels = { model: 'delays', version: '2', result };
    await until(`3 ${result}`, async () => (await gateway.metric('mirrors_total', labels)) === 3);
    assert.equal(await gateway.metric('mirrors_total'), 3);
    assert.deepEqual(
      mirror.received.map(({ body }) => body),
      [inputs, inputs, inputs],
    );
    assert.equal(await gateway.metric('requests_total', { version: '2' }), 0);
    assert.equal(await gateway.metric('attempts_total', { version: '2' }), 3);
  });

test('a mirror that hangs delays nobody; past the limit copies are dropped and counted', async (t) => {
  const gate = new Gate();
  t.after(() => gate.open());
  const stable = await StubPredictor.start(t, answers(1));
  const mirror = await StubPredictor.start(t, gate.before(answers(1)));
  const gateway = await TestGateway.start(t, mirrored(stable.url, mirror.url), { MAX_MIRRORS: '4' });
  for (let i = 0; i < 10; i += 1) assert.equal((await gateway.infer()).text, prediction(1));
  await until('8 dropped', async () => (await gateway.metric('mirrors_total', { result: 'dropped' })) === 8);
  await until('2 copies at the mirror', () => mirror.received.length === 2);
  gate.open();
  await until('2 compared', async () => (await gateway.metric('mirrors_total', { result: 'match' })) === 2);
});

test('a slow mirror of one model leaves room for those of others', async (t) => {
  const gate = new Gate();
  t.after(() => gate.open());
  const stable = await StubPredictor.start(t, answers(1));
  const slow = await StubPredictor.start(t, gate.before(answers(1)));
  const quick = await StubPredictor.start(t, answers(1));
  const gateway = await TestGateway.start(
    t,
    { ...mirrored(stable.url, slow.url), late: mirrored(stable.url, quick.url).delays },
    { MAX_MIRRORS: '4' },
  );
  for (let i = 0; i < 5; i += 1) await gateway.infer();
  await until('3 dropped', async () => (await gateway.metric('mirrors_total', { result: 'dropped' })) === 3);
  await gateway.infer('late');
  await until(
    'it was compared',
    async () => (await gateway.metric('mirrors_total', { model: 'late' })) === 1,
  );
});

test('a mirror that never answers is given up after its time-out', async (t) => {
  const gate = new Gate();
  t.after(() => gate.open());
  const stable = await StubPredictor.start(t, answers(1));
  const mirror = await StubPredictor.start(t, gate.before(answers(1)));
  const gateway = await TestGateway.start(t, mirrored(stable.url, mirror.url, 50));
  await gateway.infer();
  await until('counted', async () => (await gateway.metric('mirrors_total', { result: 'failed' })) === 1);
});

test('a request that failed is not mirrored', async (t) => {
  const stable = await StubPredictor.start(t, status(400));
  const mirror = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, mirrored(stable.url, mirror.url));
  assert.equal((await gateway.infer()).status, 400);
  stable.behaviour = answers(1);
  assert.equal((await gateway.infer()).status, 200);
  await until('the good one is compared', async () => (await gateway.metric('mirrors_total')) === 1);
  assert.equal(mirror.received.length, 1);
});

test('answers are compared by output, with a tolerance for sums, not by id or order', () => {
  const answer = (outputs: unknown, more: object = {}) => Buffer.from(JSON.stringify({ ...more, outputs }));
  const tensor = (name: string, data: unknown[], datatype = 'FP64') => ({
    name,
    datatype,
    shape: [data.length],
    data,
  });
  const a = tensor('a', [1, 2]);
  const b = tensor('b', ['x']);
  assert.equal(compare(answer([a, b], { id: '1' }), answer([b, a], { id: '2' })), 'match');
  assert.equal(compare(answer([a]), answer([tensor('a', [1, 2 + 1e-9])])), 'match');
  assert.equal(compare(answer([a]), answer([tensor('a', [1, 2.001])])), 'differ');
  assert.equal(compare(answer([a]), answer([tensor('a', [1, 2], 'FP32')])), 'differ');
  assert.equal(compare(answer([a]), answer([a, b])), 'differ');
  assert.equal(compare(Buffer.from('oops'), answer([a])), 'incomparable');
});

test('answers that a caller of the one can not read are unlike', () => {
  const answer = (...outputs: unknown[]) => Buffer.from(JSON.stringify({ outputs }));
  const tensor = (data: unknown[], datatype = 'FP64', shape = [data.length]) => ({
    ...{ name: 'a', datatype, shape, data },
  });
  const ours = answer(tensor([1, 2]));
  const unlike = [
    answer(tensor([1])),
    answer(tensor(['1', '2'], 'BYTES')),
    answer(tensor([true, false], 'BOOL')),
    answer(tensor([null, 2])),
    answer(tensor([1, 2, 3, 4], 'FP64', [2, 2])),
    answer({ ...tensor([1, 2]), name: 'b' }),
    Buffer.from('oops'),
    Buffer.from('{"outputs":[]}'),
  ];
  for (const theirs of unlike) assert.equal(compare(ours, theirs), 'unlike', theirs.toString());
  // Whole numbers are numbers, a column is a list, and what was missing may be.
  for (const theirs of [answer(tensor([1, 2], 'INT64')), answer(tensor([1, 2], 'FP64', [2, 1]))])
    assert.equal(compare(ours, theirs), 'differ', theirs.toString());
  assert.equal(compare(answer(tensor([null, 2])), answer(tensor([null, 3]))), 'differ');
});
