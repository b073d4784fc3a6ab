import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRoutes } from '../src/routing/config.ts';
import { Sampler, Weights } from '../src/routing/weights.ts';
import { canary, only, TestGateway } from './support/gateway.ts';
import { answers, StubPredictor } from './support/predictor.ts';

test('of 1,000 requests at weight 10 the canary serves 100, evenly spread', async (t) => {
  const stable = await StubPredictor.start(t);
  const candidate = await StubPredictor.start(t, answers(2));
  const gateway = await TestGateway.start(t, canary(stable.url, candidate.url, 10));
  const served: unknown[] = [];
  for (let i = 0; i < 1000; i += 1) served.push((await gateway.infer()).headers['x-plinth-predictor']);
  assert.equal(served.filter((name) => name === 'delays-2').length, 100);
  for (let begin = 0; begin < 1000; begin += 10)
    assert.equal(served.slice(begin, begin + 10).filter((name) => name === 'delays-2').length, 1);
  assert.equal(await gateway.metric('requests_total', { model: 'delays', version: '2', code: '200' }), 100);
  assert.equal(await gateway.metric('requests_total', { model: 'delays', version: '1', code: '200' }), 900);
  assert.equal(await gateway.metric('request_seconds_count', { model: 'delays', version: '2' }), 100);
  // A team finds its own series by it.
  assert.equal(await gateway.metric('request_seconds_count', { team: 'team-a' }), 1000);
});

test('every hundred choices give each candidate exactly its weight, and none in runs', () => {
  const weights = new Weights([
    ['a', 50],
    ['b', 30],
    ['c', 20],
    ['d', 0],
  ]);
  const chosen = Array.from({ length: 200 }, () => weights.next());
  const share = (name: string) => chosen.slice(100).filter((one) => one === name).length;
  assert.deepEqual([share('a'), share('b'), share('c'), share('d')], [50, 30, 20, 0]);
  assert.doesNotMatch(chosen.join(''), /aaa|bb|cc/);
});

test('a sampler takes exactly its rate', () => {
  for (const [rate, expected] of [
    [0, 0],
    [0.1, 100],
    [0.25, 250],
    [1, 1000],
  ] as const) {
    const sampler = new Sampler(rate);
    assert.equal(Array.from({ length: 1000 }, () => sampler.next()).filter(Boolean).length, expected);
  }
});

test('a request is sent to the model as the predictor knows it, under its base path', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, {
    delays: {
      team: 'team-a',
      stable: 'main',
      predictors: [
        {
          name: 'main',
          version: '7',
          url: `${predictor.url}/seldon/team-a/delays`,
          model: 'classifier',
          weight: 100,
        },
      ],
    },
  });
  assert.equal((await gateway.infer()).status, 200);
  assert.equal((await gateway.ask('/v2/models/delays/ready')).status, 200);
  assert.equal((await gateway.ask('/v2/models/delays')).status, 200);
  const base = '/seldon/team-a/delays/v2/models/classifier';
  assert.deepEqual(
    predictor.received.map(({ method, url }) => `${method} ${url}`),
    [`POST ${base}/infer`, `GET ${base}/ready`, `GET ${base}`],
  );
});

test('a version in the path is answered by that version alone, whatever its weight', async (t) => {
  const stable = await StubPredictor.start(t);
  const candidate = await StubPredictor.start(t, answers(2));
  const gateway = await TestGateway.start(t, canary(stable.url, candidate.url, 0));
  const reply = await gateway.ask('/v2/models/delays/versions/2/infer', { method: 'POST', body: '{}' });
  assert.equal(reply.headers['x-plinth-predictor'], 'delays-2');
  assert.equal((await gateway.infer()).headers['x-plinth-predictor'], 'delays-1');
  assert.equal((await gateway.ask('/v2/models/delays/versions/9/ready')).status, 404);
});

test('what is not the protocol gets 404, and a wrong method 405 with the right one', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url));
  for (const path of [
    '/',
    '/v2/models',
    '/v2/models/delays/infer/x',
    '/v1/models/delays',
    '/v2/models/%E0%A4/infer',
  ])
    assert.equal((await gateway.ask(path)).status, 404, path);
  const reply = await gateway.ask('/v2/models/delays/infer');
  assert.equal(reply.status, 405);
  assert.equal(reply.headers['allow'], 'POST');
  for (const path of ['/v2', '/v2/health/live', '/v2/health/ready'])
    assert.equal((await gateway.ask(path, { token: null })).status, 200, path);
});

test('a routes file is refused with every mistake named', () => {
  const predictors = [
    { name: 'a', version: '1', url: 'http://a:8080', weight: 90 },
    { name: 'b', version: '2', url: 'ftp://b', weight: 5.5, color: 'red' },
  ];
  const wrong = JSON.stringify({ models: { m: { team: '', stable: 'a', predictors } } });
  assert.throws(
    () => parseRoutes(wrong),
    (error: Error) => {
      for (const mistake of [/m\.team/, /predictors\.1\.url/, /predictors\.1\.weight/, /color/])
        assert.match(error.message, mistake);
      return true;
    },
  );
  const [first] = predictors;
  const model = (...many: object[]) =>
    JSON.stringify({ models: { m: { team: 't', stable: 'a', predictors: many } } });
  assert.throws(() => parseRoutes(model(first as object)), /weights must add up to 100, got 90/);
  const whole = { ...first, weight: 100 };
  assert.throws(() => parseRoutes(model(whole, { ...whole, weight: 0 })), /names must differ/);
  assert.throws(() => parseRoutes(model({ ...whole, name: 'b' })), /stable must be one of b, got a/);
  const mirror = { ...whole, name: 'b', weight: 10, mirror: true };
  assert.throws(
    () => parseRoutes(model({ ...whole, weight: 90 }, mirror)),
    /mirrors, so its weight must be 0/,
  );
  assert.doesNotThrow(() => parseRoutes(model(whole)));
});
