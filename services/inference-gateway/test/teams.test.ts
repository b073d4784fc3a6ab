import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TeamRoutes } from '../src/routing/teams.ts';
import { only, TestGateway, until } from './support/gateway.ts';
import { TestKubernetes } from './support/kubernetes.ts';
import { answers, StubPredictor } from './support/predictor.ts';

const teams = { TEAM_ROUTES: JSON.stringify({ 'team-a': 'team-a', 'team-b': 'space-b' }) };

/** A route as a team writes it; nothing answers there, which a caller sees as 502. */
const route = (team: string, host: string, version = '1') => ({
  ...{ team, stable: 'one' },
  predictors: [{ name: 'one', version, url: `http://${host}:8080`, weight: 100 }],
});
const inA = 'prices-h1.team-a.svc.cluster.local';
const inB = 'prices-h1.space-b.svc.cluster.local';

const many = (count: number) => {
  const [one] = route('team-a', inA).predictors;
  const others = Array.from({ length: count - 1 }, (_, index) => ({ ...one, name: `p${index}`, weight: 0 }));
  return { ...route('team-a', inA), predictors: [one, ...others] };
};

interface Active {
  readonly model: string;
  readonly team: string;
  readonly predictors: readonly { readonly version: string }[];
}

const active = async (gateway: TestGateway): Promise<readonly string[]> => {
  const { active: routes } = JSON.parse((await gateway.admin('/routes')).text) as {
    readonly active: readonly Active[];
  };
  return routes.map(({ model, team, predictors }) => `${team}/${model}:${predictors[0]?.version}`).sort();
};

const counts = (gateway: TestGateway, ...expected: readonly string[]) =>
  until(`routes are ${expected.join(', ')}`, async () => {
    const found = await active(gateway);
    return found.length === expected.length && found.every((each, index) => each === expected[index]);
  });

const refused = (gateway: TestGateway, team: string) => gateway.metric('team_routes_refused', { team });

const start = async (t: Parameters<typeof TestGateway.start>[0]) => {
  const own = await StubPredictor.start(t, answers(1));
  const kubernetes = await TestKubernetes.start(t);
  kubernetes.set({ 'routes.json': { models: only(own.url) } });
  for (const namespace of ['team-a', 'space-b']) kubernetes.set({}, namespace);
  const gateway = await TestGateway.start(t, {}, { ...kubernetes.variables, ...teams });
  await counts(gateway, 'team-a/delays:1');
  return { kubernetes, gateway };
};

test('a team routes its own models, beside the platform, and takes them away', async (t) => {
  const { kubernetes, gateway } = await start(t);
  kubernetes.set({ 'prices.json': route('team-a', inA) }, 'team-a');
  await counts(gateway, 'team-a/delays:1', 'team-a/prices:1');
  assert.equal((await gateway.infer('prices')).status, 502);
  kubernetes.set({ 'prices.json': route('team-a', inA, '2') }, 'team-a');
  await counts(gateway, 'team-a/delays:1', 'team-a/prices:2');
  assert.equal(await refused(gateway, 'team-a'), 0);
  kubernetes.set({}, 'team-a');
  await counts(gateway, 'team-a/delays:1');
  assert.equal((await gateway.infer('prices')).status, 404);
});

test("what the platform routes stays the platform's, and comes back to the team when it lets go", async (t) => {
  const { kubernetes, gateway } = await start(t);
  kubernetes.set({ 'delays.json': route('team-b', inB, '7') }, 'space-b');
  await until('refused', async () => (await refused(gateway, 'team-b')) === 1);
  assert.deepEqual(await active(gateway), ['team-a/delays:1']);
  assert.equal(await gateway.metric('config_refused'), 0);
  kubernetes.set({ 'routes.json': { models: {} } });
  await counts(gateway, 'team-b/delays:7');
  assert.equal(await refused(gateway, 'team-b'), 0);
});

test("of two teams with one name, each caller asks its own team's, and both are counted", async (t) => {
  const { kubernetes, gateway } = await start(t);
  kubernetes.set({ 'prices.json': route('team-b', inB, '7') }, 'space-b');
  await counts(gateway, 'team-a/delays:1', 'team-b/prices:7');
  assert.equal((await gateway.infer('prices')).status, 403);
  kubernetes.set({ 'prices.json': route('team-a', inA) }, 'team-a');
  await counts(gateway, 'team-a/delays:1', 'team-a/prices:1', 'team-b/prices:7');
  for (const team of ['team-a', 'team-b']) assert.equal(await refused(gateway, team), 0);
  const asked = async (version: string, groups: readonly string[], model = 'prices') => {
    const token = await gateway.issuer.token({ groups: groups.map((team) => `/teams/${team}`) });
    return (await gateway.ask(`/v2/models/${model}/versions/${version}/ready`, { token })).status;
  };
  assert.deepEqual([await asked('1', ['team-a']), await asked('7', ['team-a'])], [502, 404]);
  assert.deepEqual([await asked('1', ['team-b']), await asked('7', ['team-b'])], [404, 502]);
  assert.equal(await asked('1', ['team-b', 'team-a']), 502);
  assert.equal(await asked('1', ['team-c']), 403);
  assert.equal(await asked('1', ['team-a'], 'team-a%2Fprices'), 404);
  const { router } = gateway.gateway;
  for (const team of ['team-a', 'team-b'])
    router.find('prices', new Set([team]))?.limiter.enter(1000, new AbortController().signal);
  assert.equal(await gateway.metric('running_requests', { model: 'prices' }), 2);
});

test("a model is judged by its own team's outlier model", async (t) => {
  const { kubernetes, gateway } = await start(t);
  const own = await StubPredictor.start(t, answers(1));
  const { delays } = only(own.url, { team: 'team-b', outliers: { model: 'far' } });
  kubernetes.set({ 'routes.json': { models: { delays } } });
  kubernetes.set({ 'far.json': route('team-a', inA) }, 'team-a');
  kubernetes.set({ 'far.json': route('team-b', inB) }, 'space-b');
  await counts(gateway, 'team-a/far:1', 'team-b/delays:1', 'team-b/far:1');
  const token = await gateway.issuer.token({ groups: ['/teams/team-b'] });
  assert.equal((await gateway.infer('delays', { token })).status, 200);
  // Nothing answers there.
  await until('it was asked', async () => (await gateway.metric('outlier_checks_total')) === 1);
  assert.equal(await gateway.metric('outlier_checks_total', { result: 'failed' }), 1);
});

test('a watch that begins anew changes nothing where nothing is new, and brings nothing back', async (t) => {
  const kubernetes = await TestKubernetes.start(t);
  const { KUBERNETES_API: api = '', SERVICE_ACCOUNT_FOLDER: account = '' } = kubernetes.variables;
  let changes = 0;
  const routes = new TeamRoutes({
    ...{ teams: { 'team-a': 'team-a' }, name: 'model-routes', api, account },
    changed: () => {
      changes += 1;
    },
    refused: () => {},
    watched: () => {},
  });
  t.after(() => routes.close());
  const again = async () => {
    const asked = kubernetes.asked.length;
    kubernetes.end();
    await until('it is told again', () => kubernetes.asked.length > asked && kubernetes.watches === 1);
  };
  const models = () => Object.keys(routes.beside({ models: {} }).models);
  kubernetes.set({}, 'team-a');
  routes.start();
  await until('it has heard that there is nothing', () => changes === 1);
  kubernetes.set({ 'prices.json': route('team-a', inA), 'wrong.json': '{' }, 'team-a');
  await until('it knows of a route', () => changes === 2);
  await again();
  kubernetes.back(2);
  kubernetes.set({ 'old.json': route('team-a', inA) }, 'team-a');
  await again();
  kubernetes.set({ 'prices.json': route('team-a', inA), 'new.json': route('team-a', inA) }, 'team-a');
  await until('it knows of the new one', () => models().includes('team-a/new'));
  assert.deepEqual(models().sort(), ['team-a/new', 'team-a/prices']);
  assert.equal(changes, 3);
});

for (const [what, document] of [
  ["another team's name", route('team-b', inA)],
  ["another team's Service", route('team-a', 'delays-v1.team-b.svc.cluster.local')],
  ['an address outside', route('team-a', 'example.com')],
  ['a namespace that only ends alike', route('team-a', 'x.y-team-a.svc.cluster.local')],
  ['no JSON', '{"team":'],
  ['more requests at once than a team may have', { ...route('team-a', inA), maxConcurrent: 65 }],
  ['a longer queue than a team may have', { ...route('team-a', inA), maxQueued: 257 }],
  ['more predictors than a team may have', many(5)],
] as const)
  test(`a team's route with ${what} is refused, and what it said before stays`, async (t) => {
    const { kubernetes, gateway } = await start(t);
    kubernetes.set({ 'prices.json': route('team-a', inA) }, 'team-a');
    await counts(gateway, 'team-a/delays:1', 'team-a/prices:1');
    kubernetes.set({ 'prices.json': document, 'other.json': route('team-a', inA) }, 'team-a');
    await counts(gateway, 'team-a/delays:1', 'team-a/other:1', 'team-a/prices:1');
    assert.equal(await refused(gateway, 'team-a'), 1);
    assert.equal(await gateway.metric('config_refused'), 0);
  });

test('a team has at most a hundred routes; those it had stay, and room that is made is used', async (t) => {
  const { kubernetes, gateway } = await start(t);
  const numbered = (from: number, count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`m${from + index}.json`, route('team-a', inA)]),
    );
  const has = (count: number) =>
    until(`${count} routes`, async () => (await active(gateway)).length === count + 1);
  kubernetes.set(numbered(100, 100), 'team-a');
  await has(100);
  kubernetes.set(numbered(98, 102), 'team-a');
  await until('two are refused', async () => (await refused(gateway, 'team-a')) === 2);
  const names = await active(gateway);
  assert.deepEqual([names.includes('team-a/m100:1'), names.includes('team-a/m98:1')], [true, false]);
  const mistaken = Object.fromEntries(Object.keys(numbered(0, 50)).map((key) => [key, '{']));
  kubernetes.set({ ...mistaken, ...numbered(98, 100) }, 'team-a');
  await until('mistakes take no places', async () => (await refused(gateway, 'team-a')) === 50);
  await has(100);
  kubernetes.set(numbered(98, 100), 'team-a');
  await until('none is refused', async () => (await refused(gateway, 'team-a')) === 0);
  assert.equal((await active(gateway)).includes('team-a/m98:1'), true);
});

test('a watch that fails is no word of a team', async (t) => {
  const own = await StubPredictor.start(t, answers(1));
  const kubernetes = await TestKubernetes.start(t);
  kubernetes.refuses = 403;
  const gateway = await TestGateway.start(t, only(own.url), { ...kubernetes.variables, ...teams });
  const asked = (namespace: string) =>
    kubernetes.asked.filter(({ url }) => url.includes(`/namespaces/${namespace}/`)).length;
  await until('each was asked again', () => ['team-a', 'space-b'].every((namespace) => asked(namespace) > 1));
  const status = async () => (await gateway.admin('/readyz')).status;
  assert.equal(await status(), 503);
  kubernetes.refuses = undefined;
  for (const namespace of ['team-a', 'space-b']) kubernetes.set({}, namespace);
  await until('it is ready', async () => (await status()) === 200);
});

test('a replica that starts is not ready before it has heard of the teams', async (t) => {
  const own = await StubPredictor.start(t, answers(1));
  const kubernetes = await TestKubernetes.start(t);
  kubernetes.set({}, 'team-a');
  const gateway = await TestGateway.start(t, only(own.url), { ...kubernetes.variables, ...teams });
  const ready = async () => (await gateway.admin('/readyz')).status === 200;
  await until('the watches have begun', () => kubernetes.watches === 3);
  assert.equal(await ready(), false);
  kubernetes.set({}, 'space-b');
  await until('it is ready', ready);
});
