import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Browser, tokenOf } from './support/browser.ts';
import { signedIn, world } from './support/start.ts';
import type { World } from './support/world.ts';

test('buttons do what they say, in the name of who presses them, and the page tells', async (t) => {
  const place = await world(t);
  const { browser, page } = await signedIn(place, 'scientist-a');
  for (const action of ['/notebooks/scientist-a/default/stop', '/notebooks/scientist-a/training/stop'])
    assert.ok(page.body.includes(`action="${action}"`), action);
  assert.equal((await browser.press(page, '/notebooks/scientist-a/default/stop')).status, 303);
  assert.match((await browser.ask('/')).body, /role="status">Notebook default is stopping/);
  // It is said once.
  assert.equal((await browser.ask('/')).body.includes('role="status"'), false);
  await browser.press(page, '/notebooks/scientist-a/training/stop');
  await browser.press(page, '/spark/team-a/spark-session-1a2b/stop');
  assert.equal((await browser.ask('/')).body.includes('spark-session-1a2b/stop'), false);
  await browser.press(page, '/models/delays/rollback', { reason: 'answers look wrong' });
  assert.match((await browser.ask('/')).body, /The rollout of version 4 of model delays ends\./);
  assert.deepEqual(place.deeds, [
    {
      fake: 'hub',
      what: 'DELETE /hub/api/users/scientist-a/server',
      account: 'scientist-a',
      body: undefined,
    },
    {
      fake: 'hub',
      what: 'DELETE /hub/api/users/scientist-a/servers/training',
      account: 'scientist-a',
      body: undefined,
    },
    {
      fake: 'kubernetes',
      what: 'DELETE /api/v1/namespaces/team-a/pods/spark-session-1a2b',
      account: '',
      body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'uid-spark-session-1a2b' } },
    },
    {
      fake: 'promoter',
      what: 'POST /models/delays/rollback',
      account: 'scientist-a',
      body: { version: '4', reason: 'answers look wrong' },
    },
  ]);
});

const foreign = [
  ['the notebook of somebody else', '/notebooks/scientist-b/default/stop'],
  ['a Spark session of another team', '/spark/team-b/spark-session-9b9b/stop'],
  ['the Spark session of a colleague', '/spark/team-a/spark-session-3c4d/stop'],
  ['the Spark session of a task', '/spark/team-a/spark-session-5e6f/stop'],
  ['a pod that is no Spark session', '/spark/team-a/jupyter-colleague-a/stop'],
  ["a pod of the platform's", '/spark/mlflow/mlflow-0/stop'],
  ['the model of another team', '/models/fraud-of-b/rollback'],
  ['a model that nobody has', '/models/unheard-of/rollback'],
  ['the approval of another team', '/models/fraud-of-b/approve'],
] as const;
for (const [what, action] of foreign)
  test(`403, and nothing is done: ${what}`, async (t) => {
    const place = await world(t);
    const { browser, page } = await signedIn(place, 'scientist-a');
    assert.equal(page.body.includes(`action="${action}"`), false);
    const { status, body } = await browser.press(page, action);
    assert.equal(status, 403);
    assert.match(body, /isn&#39;t yours to do/);
    assert.deepEqual(place.deeds, []);
  });

test('an administrator rolls back the model of any team, and stops nobody else’s notebook', async (t) => {
  const place = await world(t);
  const { browser, page } = await signedIn(place, 'platform-admin', ['platform-admins']);
  assert.equal((await browser.press(page, '/models/fraud-of-b/rollback')).status, 303);
  assert.equal((await browser.press(page, '/notebooks/scientist-a/default/stop')).status, 403);
  assert.deepEqual(
    place.deeds.map(({ what, body }) => [what, body]),
    [['POST /models/fraud-of-b/rollback', { version: '1' }]],
  );
});

/** The rollout of delays waits for approval. */
const waiting = (place: World, version: string): void => {
  const [first, ...others] = place.models;
  if (first?.rollout == null) throw new Error('the first model has a rollout');
  const rollout = { ...first.rollout, version, step: 2 };
  place.models = [{ ...first, rollout }, ...others] as typeof place.models;
};

test('a waiting rollout is approved for the version that is on the page', async (t) => {
  const place = await world(t);
  waiting(place, '4');
  const { browser, page } = await signedIn(place, 'scientist-a');
  assert.match(page.body, /v4 waits for approval/);
  await browser.press(page, '/models/delays/approve');
  assert.deepEqual(
    place.deeds.map(({ what, body }) => [what, body]),
    [['POST /models/delays/approve', { version: '4' }]],
  );
});

for (const decision of ['approve', 'rollback'])
  test(`${decision}: a version that has come since the page was opened is nobody's decision`, async (t) => {
    const place = await world(t);
    waiting(place, '4');
    const { browser, page } = await signedIn(place, 'scientist-a');
    waiting(place, '5');
    await browser.press(page, `/models/delays/${decision}`);
    assert.match(
      (await browser.ask('/')).body,
      /role="alert">That wasn&#39;t done: version 4 is neither on its way nor serves\./,
    );
    assert.deepEqual(place.deeds, []);
  });

test('what the promoter refuses is told in its own words', async (t) => {
  const place = await world(t);
  const { browser, page } = await signedIn(place, 'scientist-a');
  await browser.press(page, '/models/churn/rollback');
  assert.match(
    (await browser.ask('/')).body,
    /role="alert">That wasn&#39;t done: no version served before this one\./,
  );
});

test('a decision that names no version is none', async (t) => {
  const place = await world(t);
  const { browser, page } = await signedIn(place, 'scientist-a');
  await browser.ask('/models/delays/rollback', { form: { token: tokenOf(page) } });
  assert.match((await browser.ask('/')).body, /role="alert">That wasn&#39;t done: the form names no version/);
  assert.deepEqual(place.deeds, []);
});

test('only forms of the own page count', async (t) => {
  const place = await world(t);
  const { browser, page } = await signedIn(place, 'scientist-a');
  const other = await signedIn(place, 'scientist-b');
  const action = '/notebooks/scientist-a/default/stop';
  const token = /name="token" value="([^"]+)"/.exec(page.body)?.[1] ?? '';
  const status = async (form: Record<string, string>, headers: Record<string, string> = {}) =>
    (await browser.ask(action, { form, headers })).status;
  assert.equal(await status({}), 403);
  assert.equal(await status({ token: 'made-up' }), 403);
  assert.equal(await status({ token: /name="token" value="([^"]+)"/.exec(other.page.body)?.[1] ?? '' }), 403);
  assert.equal(await status({ token }, { 'sec-fetch-site': 'cross-site' }), 403);
  assert.equal(await status({ token }, { 'sec-fetch-site': 'same-site' }), 403);
  assert.equal(await status({ token }, { origin: 'https://hub.plinth.localhost' }), 403);
  // Nobody is signed in there.
  assert.equal((await new Browser(place.url).ask(action, { form: { token } })).status, 403);
  assert.equal((await browser.ask(action)).status, 404);
  assert.deepEqual(place.deeds, []);
  assert.equal(await status({ token }), 303);
});

test('bodies that are no form, or are huge, are refused', async (t) => {
  const place = await world(t);
  const { browser, page } = await signedIn(place, 'scientist-a');
  const action = '/notebooks/scientist-a/default/stop';
  const json = { 'content-type': 'application/json' };
  assert.equal((await browser.ask(action, { form: { token: 'x' }, headers: json })).status, 400);
  assert.equal((await browser.press(page, action, { reason: 'x'.repeat(20_000) })).status, 413);
  assert.deepEqual(place.deeds, []);
});
