import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../src/settings.ts';
import { parseState } from '../src/state.ts';
import { FakeKeycloak } from './support/keycloak.ts';
import { account, client, eventually, realm, Service } from './support/service.ts';

const state = realm({ clients: [client('mlflow')], accounts: [account('scientist-a', ['team-a'])] });

test('is ready when the realm was once as declared, and stays so while Keycloak is away', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  keycloak.failures = 1;
  const service = new Service(t, keycloak, state);
  await service.sync.start();
  await eventually(async () => (await service.runs('failure')) > 0, 'a failure');
  await eventually(async () => (await service.get('/readyz')).status === 200, 'the next try');
  keycloak.failures = 1000;
  const failed = await service.runs('failure');
  service.sync.wake();
  await eventually(async () => (await service.runs('failure')) > failed, 'a failure');
  assert.equal((await service.get('/readyz')).status, 200);
  assert.equal((await service.get('/healthz')).status, 200);
  keycloak.failures = 0;
  await service.settled();
});

test('a failure halfway is continued from where it was', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const service = new Service(t, keycloak, state, { RETRY_SECONDS: '3600' });
  await service.sync.start();
  await eventually(async () => (await service.runs('success')) === 1, 'the realm');
  // Each round fails one request later than the one before, until a round has no more to do.
  for (let allowed = 1; allowed < 40; allowed += 3) {
    const more = { ...state, accounts: [...state.accounts, account(`person-${allowed}`, ['team-a'])] };
    let left = allowed;
    const push = keycloak.writes.push.bind(keycloak.writes);
    keycloak.writes.push = (...items) => {
      left -= 1;
      if (left === 0) keycloak.failures = 1;
      return push(...items);
    };
    service.write(more);
    await eventually(async () => {
      keycloak.writes.push = push;
      service.sync.wake();
      return keycloak.realm.groupsOf(`person-${allowed}`).length === 1;
    }, `person-${allowed}`);
  }
});

test('a wrong file is refused whole, and what was in force stays', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const service = new Service(t, keycloak, state);
  await service.settled(() => service.sync.start());
  await service.settled(() => service.write('{"realm": "plinth", "accounts": []}'));
  assert.match((await service.get('/metrics')).body, /plinth_identity_file_refused 1/);
  assert.notEqual(keycloak.realm.user('scientist-a'), undefined);
});

test('a rotated secret of its own is set with the one before', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  keycloak.secret = 'the-secret-before-this-one';
  const service = new Service(t, keycloak, state, {
    ADMIN_CLIENT_SECRET_BEFORE: 'the-secret-before-this-one',
  });
  await service.settled(() => service.sync.start());
  assert.equal(keycloak.secret, 'present-secret-of-the-client');
});

test('no secret is in its log or its metrics', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const service = new Service(t, keycloak, state);
  keycloak.failures = 2;
  await service.settled(() => service.sync.start());
  await service.settled(() => service.write(`${JSON.stringify(state).slice(0, -2)}`));
  await service.settled(() => service.write({ ...state, accounts: [{ ...state.accounts[0], email: 7 }] }));
  const told = service.lines.join('') + (await service.get('/metrics')).body;
  assert.ok(service.lines.length > 4);
  for (const secret of [
    'password-of-scientist-a',
    'secret-of-the-client-mlflow',
    'present-secret-of-the-client',
  ])
    assert.ok(!told.includes(secret), secret);
});

test('mistakes of a file and of the environment are told by their place', () => {
  assert.throws(() => parseState('{}'), /realm: invalid_type; tokenSeconds: invalid_type/);
  assert.throws(
    () => readSettings({ KEYCLOAK_URL: 'keycloak' }),
    /REALM_FILE.*KEYCLOAK_URL.*ADMIN_CLIENT_ID/s,
  );
});
