import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { only, TestGateway, until } from './support/gateway.ts';
import { TestKubernetes } from './support/kubernetes.ts';
import { answers, prediction, StubPredictor } from './support/predictor.ts';

const routesOf = async (gateway: TestGateway) => JSON.parse((await gateway.admin('/routes')).text);
const reaches = (gateway: TestGateway, { version }: TestKubernetes) =>
  until('its change counts', async () => (await routesOf(gateway)).resourceVersion === version);

test('the watched ConfigMap wins over its mounted copy, and a change counts at once', async (t) => {
  const one = await StubPredictor.start(t, answers(1));
  const two = await StubPredictor.start(t, answers(2));
  const kubernetes = await TestKubernetes.start(t);
  kubernetes.set({ 'routes.json': { models: only(two.url) } });
  const gateway = await TestGateway.start(t, only(one.url), kubernetes.variables);
  await reaches(gateway, kubernetes);
  assert.equal((await gateway.infer()).text, prediction(2));
  assert.deepEqual(kubernetes.asked[0], {
    url: '/api/v1/namespaces/serving/configmaps?watch=true&fieldSelector=metadata.name%3Dinference-routes&resourceVersion=0&timeoutSeconds=120',
    authorization: 'Bearer pod-token',
  });
  kubernetes.set({ 'routes.json': { models: only(one.url) } });
  await reaches(gateway, kubernetes);
  assert.equal((await gateway.infer()).text, prediction(1));
  assert.equal(await gateway.metric('config_watched'), 1);
});

test('the mounted copy counts until the API has answered, and not after', async (t) => {
  const one = await StubPredictor.start(t, answers(1));
  const two = await StubPredictor.start(t, answers(2));
  const kubernetes = await TestKubernetes.start(t);
  kubernetes.refuses = 403;
  const gateway = await TestGateway.start(t, only(one.url), kubernetes.variables);
  await until('it says so', async () => (await gateway.metric('config_watched')) === 0);
  assert.equal((await gateway.infer()).text, prediction(1));
  kubernetes.set({ 'routes.json': { models: only(two.url) } });
  kubernetes.refuses = undefined;
  await reaches(gateway, kubernetes);
  await gateway.write(JSON.stringify({ models: only(one.url) }));
  await rm(gateway.file);
  assert.equal((await gateway.infer()).text, prediction(2));
  assert.equal(await gateway.metric('config_refused'), 0);
});

test('a watch that ends is begun again and misses nothing', async (t) => {
  const one = await StubPredictor.start(t, answers(1));
  const two = await StubPredictor.start(t, answers(2));
  const kubernetes = await TestKubernetes.start(t);
  kubernetes.set({ 'routes.json': { models: only(one.url) } });
  const gateway = await TestGateway.start(t, {}, kubernetes.variables);
  await reaches(gateway, kubernetes);
  kubernetes.refuses = 503;
  kubernetes.end();
  await until('it asks again', () => kubernetes.asked.length > 1);
  assert.equal((await gateway.infer()).text, prediction(1));
  kubernetes.set({ 'routes.json': { models: only(two.url) } });
  kubernetes.refuses = undefined;
  await reaches(gateway, kubernetes);
  assert.equal((await gateway.infer()).text, prediction(2));
  kubernetes.set(undefined);
  await reaches(gateway, kubernetes);
  assert.equal(await gateway.metric('config_refused'), 1);
  assert.equal((await gateway.infer()).text, prediction(2));
});

test('an API server that is behind brings no route back', async (t) => {
  const one = await StubPredictor.start(t, answers(1));
  const two = await StubPredictor.start(t, answers(2));
  const kubernetes = await TestKubernetes.start(t);
  kubernetes.set({ 'routes.json': { models: only(one.url) } });
  kubernetes.set({ 'routes.json': { models: only(two.url) } });
  const gateway = await TestGateway.start(t, {}, kubernetes.variables);
  await reaches(gateway, kubernetes);
  const newest = kubernetes.version;
  kubernetes.back(2);
  kubernetes.set({ 'routes.json': { models: only(one.url) }, 'late.json': only(one.url).delays });
  kubernetes.end();
  await until('it is told the old state', () => kubernetes.asked.length > 1 && kubernetes.watches === 1);
  assert.equal((await gateway.infer()).text, prediction(2));
  assert.equal((await routesOf(gateway)).resourceVersion, newest);
  kubernetes.set({ 'routes.json': { models: only(two.url) } });
  kubernetes.set({ 'routes.json': { models: only(one.url) } });
  await reaches(gateway, kubernetes);
  assert.equal((await gateway.infer()).text, prediction(1));
});

test("one model's own document wins, and a mistake in it touches nothing else", async (t) => {
  const one = await StubPredictor.start(t, answers(1));
  const two = await StubPredictor.start(t, answers(2));
  const kubernetes = await TestKubernetes.start(t);
  const declared = { 'routes.json': { models: only(one.url) } };
  kubernetes.set({ ...declared, 'delays.json': only(two.url).delays, 'late.json': only(two.url).delays });
  const gateway = await TestGateway.start(t, {}, kubernetes.variables);
  await reaches(gateway, kubernetes);
  assert.equal((await gateway.infer()).text, prediction(2));
  assert.equal((await gateway.infer('late')).text, prediction(2));

  kubernetes.set({ ...declared, 'delays.json': '{"team":', 'late.json': only(one.url).delays });
  await reaches(gateway, kubernetes);
  assert.equal((await gateway.infer()).text, prediction(2));
  assert.equal((await gateway.infer('late')).text, prediction(1));
  assert.equal(await gateway.metric('config_refused'), 1);
  assert.equal(await gateway.metric('config_reloads_total', { result: 'refused' }), 1);

  kubernetes.set(declared);
  await reaches(gateway, kubernetes);
  assert.equal((await gateway.infer()).text, prediction(1));
  assert.equal((await gateway.infer('late')).status, 404);
  assert.equal(await gateway.metric('config_refused'), 0);
});
