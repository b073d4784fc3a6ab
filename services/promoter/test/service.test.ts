import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { parsePolicies } from '../src/domain/policy.ts';
import { Promoter } from '../src/promoter.ts';
import { readSettings } from '../src/settings.ts';
import { Database } from '../src/store/database.ts';
import { migrate } from '../src/store/migrate.ts';
import { Refused } from '../src/web/tokens.ts';
import { policies, policy } from './support/policies.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import { FakeWorld } from './support/world.ts';

const settings = (url: string) =>
  readSettings({
    ...{ HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: '0', DATABASE_URL: url, POLICIES_FILE: '/dev/null' },
    ...{ MLFLOW_URL: 'http://mlflow', WEBHOOK_SECRET: 'sixteen-letters-long', OIDC_ISSUER: 'http://issuer' },
    ...{ OIDC_CLIENT_ID: 'promoter', OIDC_CLIENT_SECRET: 's', OIDC_AUDIENCE: 'promoter' },
    ...{ PROMETHEUS_URL: 'http://prometheus', ROUTES_NAMESPACE: 'serving' },
    ...{ RECONCILE_SECONDS: '1', TICK_SECONDS: '1' },
  });

test('a file of policies that is torn is named', () => {
  assert.throws(() => parsePolicies('{"default": '), /POLICIES_FILE is not JSON/);
});

test("a database in libpq's other form is told how it is written here, and not itself", () => {
  assert.throws(
    () => readSettings({ DATABASE_URL: 'host=postgres password=secret-one' }),
    (error: Error) =>
      error.message.includes('DATABASE_URL: expected postgresql://user:password@host:port/database') &&
      !error.message.includes('secret-one'),
  );
});

const groups: Readonly<Record<string, readonly string[]>> = {
  ada: ['team-a'],
  bob: ['team-b'],
  eve: [],
  root: ['platform-admins'],
};

test('settings name every mistake at once, and no value', () => {
  assert.throws(
    () => readSettings({ PORT: 'x', WEBHOOK_SECRET: 'short' }),
    (error: Error) => {
      for (const name of ['PORT', 'DATABASE_URL', 'WEBHOOK_SECRET', 'MLFLOW_URL'])
        assert.equal(error.message.includes(name), true);
      assert.equal(error.message.includes('short:'), false);
      return true;
    },
  );
});

describe('the service', () => {
  let server: TestPostgres;
  let url: string;
  let promoter: Promoter;
  const world = new FakeWorld();

  const start = async (): Promise<Promoter> => {
    const made = new Promoter({
      settings: settings(url),
      logger: pino({ level: 'silent' }),
      policies: policies({
        ...policy,
        steps: [{ kind: 'approval' }],
        limits: { ...policy.limits, timeoutMs: 1 },
      }),
      database: new Database(url),
      ...{ registry: world, cluster: world, meter: world },
      tokens: {
        caller: async (authorization) => {
          const name = authorization?.split(' ')[1] ?? '';
          const found = groups[name];
          if (found === undefined) throw new Refused('no token');
          return { name, groups: new Set(found) };
        },
      },
    });
    await made.start();
    return made;
  };
  before(async () => {
    server = await startPostgres();
    url = await server.database();
    await migrate(url);
    promoter = await start();
  });
  after(async () => {
    await promoter.stop();
    await server.stop();
  });

  const ask = async (path: string, who?: string, body?: object) => {
    const answer = await fetch(`http://127.0.0.1:${promoter.ports.http}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(who === undefined ? {} : { authorization: `Bearer ${who}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, never> };
  };
  interface Model {
    readonly serving: string | null;
    readonly rollout: { readonly phase: string; readonly version: string } | null;
  }
  const model = async (): Promise<Model | undefined> =>
    ((await ask('/models', 'ada')).body as unknown as { models: Model[] }).models[0];
  const until = async (what: string, pleases: (model: Model | undefined) => boolean): Promise<void> => {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const found = await model();
      if (pleases(found)) return;
      if (performance.now() > deadline) throw new Error(`${what}: ${JSON.stringify(found)}`);
      await pause(100);
    }
  };
  const settled = (version: string) =>
    until(`version ${version} serves`, (found) => found?.serving === version && found.rollout === null);

  test('finds an alias by itself, waits for approval, and survives its own restart while it does', async () => {
    world.alias('team-a', 'delays', '1');
    await settled('1');
    world.alias('team-a', 'delays', '2');
    await until('it waits', (found) => found?.rollout?.phase === 'step');
    await promoter.stop();
    promoter = await start();
    assert.equal((await ask('/models/delays/approve', 'ada', { version: '3' })).status, 409);
    assert.equal((await ask('/models/delays/approve', 'ada', { version: '2' })).status, 202);
    await settled('2');
    assert.equal((await ask('/models/delays/approve', 'ada', {})).status, 409);
  });

  test('brings back what served before, and says who wanted it', async () => {
    assert.equal((await ask('/models/delays/rollback', 'ada', { reason: 'complaints' })).status, 202);
    await settled('1');
    const { body } = await ask('/models/delays/rollouts', 'root');
    const { rollouts, audit } = body as unknown as {
      rollouts: { version: string; requestedBy: string; outcome: string }[];
      audit: { actor: string; event: string }[];
    };
    assert.deepEqual(
      rollouts.map(({ version, outcome }) => [version, outcome]),
      [
        ['1', 'promoted'],
        ['2', 'promoted'],
        ['1', 'promoted'],
      ],
    );
    assert.equal(rollouts[0]?.requestedBy, 'ada: complaints');
    assert.equal(
      audit.some(({ actor, event }) => actor === 'ada' && event === 'approval'),
      true,
    );
    // The alias still says 2, and that was acted upon.
    assert.equal((await model())?.serving, '1');
  });

  test('brings it back once, however often somebody asks', async () => {
    world.alias('team-a', 'delays', '3');
    await until('it waits', (found) => found?.rollout?.phase === 'step');
    assert.equal((await ask('/models/delays/approve', 'ada', {})).status, 202);
    await settled('3');
    // Both are asked before the first one has ended.
    world.state = { kind: 'starting' };
    for (const version of ['3', undefined]) {
      const { status, body } = await ask('/models/delays/rollback', 'ada', version ? { version } : {});
      assert.deepEqual([status, body['status']], [202, 'version 1 comes back']);
    }
    world.state = { kind: 'ready' };
    await settled('1');
    // A late one, which says what it is about, finds that gone.
    assert.equal((await ask('/models/delays/rollback', 'ada', { version: '3' })).status, 409);
    // And before the first version there was none: what was rolled back doesn't come back.
    assert.equal((await ask('/models/delays/rollback', 'ada', {})).status, 409);
    assert.equal((await model())?.serving, '1');
  });

  test('rolls back what is under way', async () => {
    world.alias('team-a', 'delays', '5');
    await until('it waits', (found) => found?.rollout?.phase === 'step');
    assert.equal((await ask('/models/delays/rollback', 'root', {})).status, 202);
    await settled('1');
    assert.equal(world.tags.get('delays/5')?.['plinth.rollout'] ?? 'rolledBack', 'rolledBack');
  });

  test("shows and changes a team's models for its members and administrators only", async () => {
    for (const path of ['/models', '/models/delays/rollouts']) assert.equal((await ask(path)).status, 401);
    assert.equal((await ask('/models/delays/rollback', 'nobody', {})).status, 401);
    for (const who of ['bob', 'eve']) {
      assert.deepEqual((await ask('/models', who)).body, { models: [] });
      for (const path of ['rollback', 'approve'])
        assert.equal((await ask(`/models/delays/${path}`, who, {})).status, 404);
      assert.equal((await ask('/models/delays/rollouts', who)).status, 404);
    }
    assert.equal((await ask('/models/delays/rollback', 'ada', { colour: 'blue' })).status, 400);
    assert.equal((await ask('/models/nothing/rollouts', 'root')).status, 404);
  });

  test('describes itself, and tells Prometheus what it did', async () => {
    assert.equal((await ask('/openapi.json')).status, 200);
    const admin = `http://127.0.0.1:${promoter.ports.admin}`;
    for (const path of ['/healthz', '/readyz']) assert.equal((await fetch(`${admin}${path}`)).status, 200);
    // Counted in the database, so what was before the service was restarted is in it.
    const wanted = ['rollouts_total{model="delays",outcome="rolledBack"} 1', 'outcome="promoted"} 5'];
    const deadline = performance.now() + 60_000;
    for (;;) {
      const text = await (await fetch(`${admin}/metrics`)).text();
      const missing = wanted.filter((each) => !text.includes(each));
      if (missing.length === 0) break;
      if (performance.now() > deadline) throw new Error(`no ${missing.join(', ')}`);
      await pause(100);
    }
  });
});
