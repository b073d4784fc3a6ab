import assert from 'node:assert/strict';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { canary, only, TestGateway, until } from './support/gateway.ts';
import { answers, Gate, prediction, StubPredictor } from './support/predictor.ts';

const applied = (gateway: TestGateway, count: number) =>
  until(`${count} configurations applied`, async () => {
    return (await gateway.metric('config_reloads_total', { result: 'applied' })) === count;
  });

test('a new configuration takes over without a restart or a lost request', async (t) => {
  const one = await StubPredictor.start(t, answers(1));
  const two = await StubPredictor.start(t, answers(2));
  const gateway = await TestGateway.start(t, only(one.url));
  let stop = false;
  const seen: string[] = [];
  const client = async () => {
    while (!stop) {
      const { status, text } = await gateway.infer();
      seen.push(status === 200 ? text : `${status} ${text}`);
    }
  };
  const clients = [client(), client(), client()];
  for (let round = 1; round <= 6; round += 1) {
    await gateway.write(JSON.stringify({ models: only(round % 2 === 1 ? two.url : one.url) }));
    await applied(gateway, round + 1);
    const expected = prediction(round % 2 === 1 ? 2 : 1);
    const before = seen.length;
    await until('an answer of the new predictor', () => seen.slice(before).includes(expected));
  }
  stop = true;
  await Promise.all(clients);
  assert.deepEqual(new Set(seen), new Set([prediction(1), prediction(2)]));
});

test('a broken configuration is refused and counted, the old one stays, the next good one is taken', async (t) => {
  const one = await StubPredictor.start(t, answers(1));
  const two = await StubPredictor.start(t, answers(2));
  const gateway = await TestGateway.start(t, only(one.url));
  const good = await readFile(gateway.file, 'utf8');
  for (const [count, broken] of [good.slice(0, 40), good.replace('100', '99'), '[]'].entries()) {
    await gateway.write(broken);
    await until(
      'refused',
      async () => (await gateway.metric('config_reloads_total', { result: 'refused' })) === count + 1,
    );
    assert.equal(await gateway.metric('config_refused'), 1);
    assert.equal((await gateway.infer()).text, prediction(1));
  }
  await gateway.write(JSON.stringify({ models: only(two.url) }));
  await applied(gateway, 2);
  assert.equal(await gateway.metric('config_refused'), 0);
  assert.equal((await gateway.infer()).text, prediction(2));
});

test('a removed file leaves what is in force', async (t) => {
  const one = await StubPredictor.start(t, answers(1));
  const gateway = await TestGateway.start(t, only(one.url));
  await rm(gateway.file);
  await until('refused', async () => (await gateway.metric('config_refused')) === 1);
  assert.equal((await gateway.infer()).text, prediction(1));
  assert.equal((await gateway.admin('/readyz')).status, 200);
});

test('the change of a mounted ConfigMap, a link that moves, is seen', async (t) => {
  const one = await StubPredictor.start(t, answers(1));
  const two = await StubPredictor.start(t, answers(2));
  // A poll would see it too, some seconds later.
  const gateway = await TestGateway.start(t, only(one.url), { ROUTES_POLL_MS: '1000000000' });
  const folder = dirname(gateway.file);
  const publish = async (version: string, models: unknown) => {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, 'routes.json'), JSON.stringify({ models }));
    await symlink(version, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  await publish('..1', only(one.url));
  await rm(gateway.file);
  await symlink('..data/routes.json', gateway.file);
  await until('the link is read', async () => (await gateway.metric('config_refused')) === 0);
  await publish('..2', only(two.url));
  await until('the new predictor answers', async () => (await gateway.infer()).text === prediction(2));
});

test('a predictor removed from the configuration finishes what it has, and says so while it does', async (t) => {
  const gate = new Gate();
  const one = await StubPredictor.start(t, gate.before(answers(1)));
  // Nobody but the gateway will close an idle connection within this test.
  one.server.keepAliveTimeout = 600_000;
  const two = await StubPredictor.start(t, answers(2));
  const gateway = await TestGateway.start(t, only(one.url));
  const pending = gateway.infer();
  await until('the old predictor has the request', () => one.received.length === 1);
  await gateway.write(JSON.stringify({ models: only(two.url) }));
  await applied(gateway, 2);
  assert.equal((await gateway.infer()).text, prediction(2));
  const { draining } = JSON.parse((await gateway.admin('/routes')).text);
  assert.equal(draining.length, 1);
  assert.equal(draining[0].requests, 1);
  assert.equal(await gateway.metric('draining_requests', { model: 'delays' }), 1);
  gate.open();
  assert.equal((await pending).text, prediction(1));
  assert.deepEqual(JSON.parse((await gateway.admin('/routes')).text).draining, []);
  await until('its connections are closed', () => connections(one).then((open) => open === 0));
});

test('a request in flight falls back on a stable predictor that is already out of the configuration', async (t) => {
  const gate = new Gate();
  const stable = await StubPredictor.start(t, answers(1));
  const candidate = await StubPredictor.start(
    t,
    gate.before((_, response) => void response.writeHead(500).end()),
  );
  const gateway = await TestGateway.start(t, canary(stable.url, candidate.url, 100));
  const pending = gateway.infer();
  await until('the candidate has the request', () => candidate.received.length === 1);
  await gateway.write(JSON.stringify({ models: {} }));
  await applied(gateway, 2);
  gate.open();
  assert.equal((await pending).text, prediction(1));
  assert.equal((await gateway.infer()).status, 404);
});

test('a change of another model leaves the turn of this one', async (t) => {
  const stable = await StubPredictor.start(t, answers(1));
  const candidate = await StubPredictor.start(t, answers(2));
  const models = canary(stable.url, candidate.url, 10);
  const gateway = await TestGateway.start(t, models);
  const served: string[] = [];
  for (let i = 0; i < 20; i += 1) {
    await gateway.write(JSON.stringify({ models: { ...models, [`other-${i}`]: only(stable.url).delays } }));
    await applied(gateway, i + 2);
    served.push(String((await gateway.infer()).headers['x-plinth-predictor']));
  }
  assert.equal(served.filter((name) => name === 'delays-2').length, 2);
});

const connections = ({ server }: StubPredictor): Promise<number> =>
  new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
