import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeKeycloak } from './support/keycloak.ts';
import { FakeRealm } from './support/realm.ts';
import { account, client, eventually, realm, Service } from './support/service.ts';

const full = realm({
  groups: [
    { name: 'platform-admins', clientRoles: { 'realm-management': ['manage-users'], grafana: ['Admin'] } },
    { name: 'team-a', clientRoles: {} },
  ],
  clients: [
    client('grafana', { roles: ['Admin'] }),
    client('team-a', { kind: 'machine', redirectUris: [], groups: ['team-a'], audiences: ['inference'] }),
  ],
  accounts: [account('scientist-a', ['team-a']), account('platform-admin', ['platform-admins'])],
});

const mapperNames = (thing: Record<string, unknown> | undefined): readonly string[] =>
  ((thing?.['protocolMappers'] ?? []) as { name: string }[]).map(({ name }) => name).sort();

test('an empty Keycloak gets the whole realm, and is then not written to again', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const service = new Service(t, keycloak, full);
  await service.settled(() => service.sync.start());
  const made = keycloak.realm;
  assert.equal(made.form['accessTokenLifespan'], 120);
  assert.deepEqual(made.groupsOf('scientist-a'), ['team-a']);
  assert.deepEqual(made.groupsOf('platform-admin'), ['platform-admins']);
  assert.deepEqual(made.groupsOf('service-account-team-a'), ['team-a']);
  assert.equal(made.passwords.get('scientist-a'), 'password-of-scientist-a');
  const machine = made.client('team-a');
  assert.equal(machine?.['secret'], 'secret-of-the-client-team-a');
  assert.equal(machine?.['directAccessGrantsEnabled'], false);
  assert.deepEqual(mapperNames(machine), ['audience inference', 'groups']);
  const administrators = made.mappings.get(made.group('platform-admins')?.id ?? '');
  const roles = [...(administrators?.values() ?? [])].flat().map(({ name }) => name);
  assert.deepEqual(roles.sort(), ['Admin', 'manage-users']);

  keycloak.writes = [];
  await service.settled();
  assert.deepEqual(keycloak.writes, []);
});

test('what leaves the file is removed, what nobody declared stays', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const service = new Service(t, keycloak, full);
  await service.settled(() => service.sync.start());
  const made = keycloak.realm;
  made.addClient({ clientId: 'theirs', attributes: {} });
  made.addGroup({ name: 'theirs', attributes: {} });
  const person = made.addUser({ username: 'somebody' });
  made.memberships.get(person.id)?.add(made.group('team-a')?.id ?? '');

  await service.settled(() => service.write(realm({ groups: [], clients: [], accounts: [] })));
  assert.equal(made.user('scientist-a'), undefined);
  assert.equal(made.client('grafana'), undefined);
  assert.equal(made.user('service-account-team-a'), undefined);
  assert.equal(made.group('team-a'), undefined);
  assert.deepEqual(made.groupsOf('somebody'), []);
  for (const left of [made.user('somebody'), made.client('theirs'), made.group('theirs')])
    assert.notEqual(left, undefined);
});

test('a changed client keeps its id, and gets what changed', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const service = new Service(t, keycloak, full);
  await service.settled(() => service.sync.start());
  const before = keycloak.realm.client('grafana')?.id;
  const changed = client('grafana', {
    roles: ['Viewer'],
    redirectUris: ['https://grafana.example.com/other'],
    secret: 'the-next-secret-of-grafana',
    audiences: ['metrics'],
  });
  const groups = [{ name: 'platform-admins', clientRoles: { grafana: ['Viewer'] } }];
  await service.settled(() => service.write({ ...full, groups, clients: [changed], accounts: [] }));
  const after = keycloak.realm.client('grafana');
  assert.equal(after?.id, before);
  assert.equal(after?.['secret'], 'the-next-secret-of-grafana');
  assert.deepEqual(after?.['redirectUris'], ['https://grafana.example.com/other']);
  assert.deepEqual(
    keycloak.realm.roles.get(before ?? '')?.map(({ name }) => name),
    ['Viewer'],
  );
  assert.deepEqual(mapperNames(after), ['audience metrics', 'groups', 'roles']);
  const mapped = keycloak.realm.mappings.get(keycloak.realm.group('platform-admins')?.id ?? '');
  assert.deepEqual(
    [...(mapped?.values() ?? [])].flat().map(({ name }) => name),
    ['Viewer'],
  );
});

test('settings changed by hand are put back', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const service = new Service(t, keycloak, full);
  await service.settled(() => service.sync.start());
  const made = keycloak.realm;
  made.form = { ...made.form, registrationAllowed: true };
  const grafana = made.client('grafana');
  if (grafana !== undefined) grafana['redirectUris'] = ['https://evil.example.com/*'];
  await service.settled();
  assert.equal(made.form['registrationAllowed'], false);
  assert.deepEqual(made.client('grafana')?.['redirectUris'], ['https://grafana.example.com/callback']);
});

test('a person who leaves a team is signed out; a new password signs out too', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const service = new Service(t, keycloak, full);
  await service.settled(() => service.sync.start());
  assert.deepEqual(keycloak.realm.logouts, []);
  await service.settled(() =>
    service.write({
      ...full,
      accounts: [
        account('scientist-a', []),
        account('platform-admin', ['platform-admins'], 'the-next-password'),
      ],
    }),
  );
  assert.deepEqual(keycloak.realm.groupsOf('scientist-a'), []);
  assert.equal(keycloak.realm.passwords.get('platform-admin'), 'the-next-password');
  assert.deepEqual(keycloak.realm.logouts.toSorted(), ['platform-admin', 'scientist-a']);
});

test('a name that somebody else uses is a conflict: theirs stays as it is, and the rest is done', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const service = new Service(t, keycloak, realm());
  await service.settled(() => service.sync.start());
  keycloak.realm.addClient({ clientId: 'grafana', secret: 'theirs' });
  keycloak.realm.addUser({ username: 'scientist-a' });
  const failed = await service.runs('failure');
  service.write(full);
  await eventually(async () => (await service.runs('failure')) > failed, 'the conflict');
  assert.equal(keycloak.realm.client('grafana')?.['secret'], 'theirs');
  assert.deepEqual(keycloak.realm.groupsOf('scientist-a'), []);
  assert.deepEqual(keycloak.realm.groupsOf('service-account-team-a'), ['team-a']);
});

test('an address that somebody else has is a conflict: accounts after it are made, corrected and signed out', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const [first, second] = [
    account('scientist-a', ['team-a']),
    account('platform-admin', ['platform-admins']),
  ];
  const service = new Service(t, keycloak, { ...full, accounts: [first, second] });
  await service.settled(() => service.sync.start());
  const theirs = keycloak.realm.addUser({ username: 'by-hand', email: 'taken@example.com' });
  const failed = await service.runs('failure');
  service.write({
    ...full,
    accounts: [
      account('scientist-b', ['team-a']),
      { ...account('scientist-a', [], 'the-next-password'), email: 'taken@example.com' },
      account('platform-admin', ['platform-admins'], 'the-next-password'),
      { ...account('scientist-c', ['team-a']), email: 'taken@example.com' },
      account('scientist-d', ['team-a']),
    ],
  });
  await eventually(async () => (await service.runs('failure')) > failed, 'the conflicts');
  assert.equal(keycloak.realm.users.get(theirs.id)?.['email'], 'taken@example.com');
  assert.equal(keycloak.realm.user('scientist-a')?.['email'], first.email);
  assert.deepEqual(keycloak.realm.groupsOf('scientist-a'), []);
  for (const name of ['scientist-a', 'platform-admin'])
    assert.equal(keycloak.realm.passwords.get(name), 'the-next-password');
  assert.deepEqual(keycloak.realm.logouts.toSorted(), ['platform-admin', 'scientist-a']);
  assert.equal(keycloak.realm.user('scientist-c'), undefined);
  assert.deepEqual(keycloak.realm.groupsOf('scientist-d'), ['team-a']);
  // Nothing of it is done again while the address isn't free.
  keycloak.writes = [];
  const again = await service.runs('failure');
  await eventually(async () => (await service.runs('failure')) > again, 'the next look');
  assert.deepEqual(
    keycloak.writes.filter((each) => /reset-password|logout/.test(each)),
    [],
  );
});

test("a realm of the name that isn't ours is left alone", async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const service = new Service(t, keycloak, full);
  keycloak.realms.set('plinth', new FakeRealm({ realm: 'plinth', registrationAllowed: true }));
  await service.sync.start();
  await eventually(async () => (await service.runs('failure')) > 0, 'the refusal');
  assert.deepEqual(keycloak.writes, []);
});

test('more accounts than a page holds are all found', async (t) => {
  const keycloak = await FakeKeycloak.start(t);
  const accounts = Array.from({ length: 230 }, (_, index) => account(`person-${index}`, ['team-a']));
  const service = new Service(t, keycloak, realm({ accounts }));
  await service.settled(() => service.sync.start());
  await service.settled(() => service.write(realm()));
  assert.equal(keycloak.realm.users.size, 0);
});
