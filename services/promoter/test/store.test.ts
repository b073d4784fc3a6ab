import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Policy } from '../src/domain/policy.ts';
import { RetrainStore } from '../src/retrain/store.ts';
import { Database } from '../src/store/database.ts';
import { migrate } from '../src/store/migrate.ts';
import { type NewRollout, Outdated, Store } from '../src/store/store.ts';
import { policies, policy, withSteps } from './support/policies.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import { bad, FakeWorld, good, Killed, processOf } from './support/world.ts';

describe('with a real PostgreSQL', () => {
  let server: TestPostgres;
  const databases: Database[] = [];
  before(async () => {
    server = await startPostgres();
  });
  after(async () => {
    for (const database of databases) await database.close();
    await server.stop();
  });

  const delays = { name: 'delays', team: 'team-a' };

  const fresh = async (): Promise<{ readonly store: Store; readonly url: string }> => {
    const url = await server.database();
    await migrate(url);
    return { store: open(url), url };
  };
  const connect = (url: string): Database => {
    const database = new Database(url);
    databases.push(database);
    return database;
  };
  const open = (url: string): Store => new Store(connect(url));
  const wanted = (change: Partial<NewRollout> = {}): NewRollout => ({
    ...{ team: 'team-a', model: 'delays', version: '1', runId: 'r', source: 's', requestedBy: 'registry' },
    steps: policy.steps,
    byAlias: true,
    ...change,
  });

  test('migrations are done once, also by two at a time', async () => {
    const url = await server.database();
    const [one, two] = await Promise.all([migrate(url), migrate(url)]);
    assert.deepEqual([...one, ...two], ['001_rollouts.sql', '002_retrainings.sql']);
    assert.deepEqual(await migrate(url), []);
  });

  test('a model has one rollout at a time, whoever begins it', async () => {
    const { store } = await fresh();
    const begun = await Promise.all(['1', '2', '3', '4'].map((version) => store.begin(wanted({ version }))));
    assert.equal(begun.filter((each) => each !== undefined).length, 1);
    assert.equal((await store.busy()).length, 1);
    assert.equal(await store.begin(wanted({ team: 'team-b' })), undefined);
  });

  test('one is at a model at a time, in whichever process; a process that is gone holds nothing', async () => {
    const { store, url } = await fresh();
    const other = open(url);
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let entered: () => void = () => {};
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const first = store.withModel('delays', () => {
      entered();
      return held;
    });
    await inside;
    assert.equal(await other.withModel('delays', async () => {}), false);
    assert.equal(await other.withModel('another', async () => {}), true);
    release();
    assert.equal(await first, true);
    await assert.rejects(
      store.withModel('delays', () => Promise.reject(new Killed())),
      Killed,
    );
    assert.equal(await other.withModel('delays', async () => {}), true);
    await inside;
    const holds = new Promise<void>((resolve) => {
      void store.withModel('delays', () => {
        resolve();
        return new Promise<void>(() => {});
      });
    });
    await holds;
    assert.equal(await other.withModel('delays', async () => {}), false);
    // Killed: all its connections end.
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'");
    await client.end();
    while (!(await other.withModel('delays', async () => {}))) await pause(20);
  });

  test('as many are at work as there are models, though each needs connections itself', async () => {
    const { store } = await fresh();
    const models = Array.from({ length: 30 }, (_, index) => `model-${index}`);
    let waiting = models.length;
    let all: () => void = () => {};
    const together = new Promise<void>((resolve) => {
      all = resolve;
    });
    const done = await Promise.all(
      models.map((model) =>
        store.withModel(model, async () => {
          waiting -= 1;
          if (waiting === 0) all();
          await together;
          await store.model(model);
        }),
      ),
    );
    assert.deepEqual([...new Set(done)], [true]);
  });

  test('rollouts and retraining hold their locks in one connection, each its own', async () => {
    const { url } = await fresh();
    const database = connect(url);
    const [rollouts, retraining] = [new Store(database), new RetrainStore(database)];
    await rollouts.withModel('delays', async () => {
      const entered = await retraining.alone('team-a', 'delays', async () => {
        const { rows } = await database.pool.query<{ locks: number; connections: number }>(
          `select count(*)::int as locks, count(distinct pid)::int as connections from pg_locks
           where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
        );
        assert.deepEqual(rows, [{ locks: 2, connections: 1 }]);
      });
      assert.equal(entered, true);
    });
  });

  test("a name that nobody's model has any more is the next team's, and the history is whose it was", async () => {
    const { store } = await fresh();
    const world = new FakeWorld();
    world.alias('team-a', 'delays', '1');
    world.alias('team-a', 'empty', '99');
    await settle(world, store);
    world.alias('team-b', 'delays', '1');
    world.alias('team-b', 'empty', '1');
    await settle(world, store);
    assert.equal((await store.model('delays'))?.team, 'team-a');
    world.registered.delete('team-a');
    await settle(world, store);
    assert.equal((await store.model('delays'))?.team, 'team-b');
    assert.equal((await store.model('empty'))?.team, 'team-b');
    assert.equal((await store.history.rollouts({ name: 'delays', team: 'team-b' })).length, 1);
    const audit = (await store.history.audit({ name: 'delays', team: 'team-b' })) as { event: string }[];
    assert.equal(
      audit.some(({ event }) => event === 'withdrawn'),
      false,
    );
  });

  test('what an alias said before it moved on undoes nothing, however late it is acted upon', async () => {
    const { store } = await fresh();
    const world = new FakeWorld();
    world.alias('team-a', 'delays', '1');
    await settle(world, store);
    const { reconciler } = processOf(world, store, policies(short));
    // The list of all models is read, and while it is gone through the alias moves on, and is followed.
    const list = await world.models('team-a');
    world.alias('team-a', 'delays', '2');
    await reconciler.look('team-a', 'delays');
    world.models = async () => list;
    await reconciler.team('team-a');
    const active = await store.active('delays');
    assert.deepEqual([active?.version, active?.stopReason], ['2', null]);
    // One look begins with what the other has read.
    world.alias('team-a', 'delays', '3');
    await Promise.all([reconciler.look('team-a', 'delays'), reconciler.look('team-a', 'delays')]);
    assert.equal((await store.active('delays'))?.stopReason, 'the alias names version 3 now');
  });

  test('whoever is held up writes nothing of what is decided otherwise by then', async () => {
    const { store } = await fresh();
    const world = new FakeWorld();
    world.alias('team-a', 'delays', '1');
    await settle(world, store);
    world.alias('team-a', 'delays', '2');
    const { controller, reconciler } = processOf(world, store, policies(short));
    await reconciler.look('team-a', 'delays');
    await controller.tick('delays');
    assert.equal(world.history.at(-1), '1:100 2:m');
    // Somebody ends it between the decision to apply a route and the write.
    const apply = world.apply.bind(world);
    world.apply = async (place, versions) => {
      world.apply = apply;
      await store.stop('delays', 'ada: no', 'ada');
      await apply(place, versions);
    };
    const written = world.history.length;
    await controller.tick('delays');
    assert.deepEqual(world.history.slice(written), ['1:100']);
  });

  test("an outcome that can't be told keeps no other from being told, and is told later", async () => {
    const { store } = await fresh();
    const world = new FakeWorld();
    const tag = world.tag.bind(world);
    world.tag = async (team, ...rest) => {
      if (team === 'team-a') throw new Error('the workspace does not answer');
      return tag(team, ...rest);
    };
    world.alias('team-a', 'delays', '1');
    world.alias('team-b', 'prices', '1');
    await settle(world, store, short, true);
    assert.deepEqual([...world.tags.keys()], ['prices/1']);
    world.tag = tag;
    await settle(world, store);
    assert.deepEqual([...world.tags.keys()], ['prices/1', 'delays/1']);
  });

  test('a wish to try again is heard while the rollback is under way, and after one by hand', async () => {
    const { store } = await fresh();
    const world = new FakeWorld();
    world.alias('team-a', 'delays', '1');
    await settle(world, store);
    world.alias('team-a', 'delays', '2');
    const { reconciler, controller } = processOf(world, store, policies(short));
    const wish = () => reconciler.look('team-a', 'delays', { version: '2', at: Date.now() + 1000 });
    await reconciler.look('team-a', 'delays');
    await controller.tick('delays');
    // Nobody knows yet how this one ends.
    await wish();
    assert.equal((await store.model('delays'))?.acted, '2');
    world.measured = bad;
    await controller.tick('delays');
    assert.equal((await store.active('delays'))?.phase, 'ending');
    await wish();
    world.measured = good;
    await settle(world, store);
    assert.equal((await store.model('delays'))?.serving, '2');
    await store.begin(wanted({ version: '1', requestedBy: 'ada: no', steps: [], byAlias: false }));
    await settle(world, store);
    assert.equal((await store.model('delays'))?.serving, '1');
    await wish();
    await settle(world, store);
    assert.equal((await store.model('delays'))?.serving, '2');
  });

  test('whoever decides on what somebody has changed in the meantime is told', async () => {
    const { store } = await fresh();
    const rollout = await store.begin(wanted());
    assert.ok(rollout);
    assert.equal(await store.stop('delays', 'ada: no', 'ada'), true);
    assert.equal(await store.stop('delays', 'later', 'bob'), true);
    await assert.rejects(store.save({ ...rollout, phase: 'step' }, []), Outdated);
    assert.equal((await store.active('delays'))?.stopReason, 'ada: no');
  });

  test('a delivery is taken once', async () => {
    const { store } = await fresh();
    assert.deepEqual(
      await Promise.all([store.deliveries.take('a'), store.deliveries.take('a')]).then((all) => all.sort()),
      [false, true],
    );
    assert.deepEqual([await store.deliveries.seen('a'), await store.deliveries.seen('b')], [true, false]);
  });

  const short: Policy = withSteps(
    { kind: 'shadow', seconds: 10 },
    { kind: 'canary', weight: 20, seconds: 10 },
  );
  /** Turns until nothing is under way, and nothing begins; each as if by a process that has just started. */
  const settle = async (world: FakeWorld, store: Store, own = short, failing = false): Promise<void> => {
    for (let turn = 0, idle = 0; turn < 40; turn += 1) {
      await processOf(world, store, policies(own))
        .turn()
        .catch((error) => {
          if (!failing) throw error;
        });
      world.now += 11_000;
      idle = (await store.busy()).length === 0 ? idle + 1 : 0;
      if (idle === 2) return;
    }
    throw new Error('it never settles');
  };

  test('an alias is followed from the first version to the next, and its outcome is in the registry', async () => {
    const { store } = await fresh();
    const world = new FakeWorld();
    world.alias('team-a', 'delays', '1');
    await settle(world, store);
    world.alias('team-a', 'delays', '2');
    await settle(world, store);
    assert.deepEqual(world.history, ['', '1:100', '1:100 2:m', '1:80 2:20', '2:100']);
    const { team, model, version, stable } = world.asked ?? {};
    assert.deepEqual([team, model, version, stable], ['team-a', 'delays', '2', '1']);
    assert.deepEqual([...world.running], ['delays/2']);
    assert.equal(world.tags.get('delays/2')?.['plinth.rollout'], 'promoted');
    assert.deepEqual(await store.model('delays'), {
      ...{ name: 'delays', team: 'team-a', serving: '2', acted: '2' },
    });
    const audit = (await store.history.audit(delays)) as { event: string }[];
    assert.deepEqual(audit.map(({ event }) => event).reverse(), [
      ...['begun', 'ready', 'promoting', 'finished'],
      ...['begun', 'ready', 'step', 'passed', 'step', 'passed', 'promoting', 'finished'],
    ]);
  });

  test('a bad candidate is rolled back, told with the reason, and not tried again until somebody wants it', async () => {
    const { store } = await fresh();
    const world = new FakeWorld();
    world.alias('team-a', 'delays', '1');
    await settle(world, store);
    world.measured = bad;
    world.alias('team-a', 'delays', '2');
    await settle(world, store);
    await settle(world, store);
    assert.equal(world.history.at(-1), '1:100');
    assert.equal((await store.history.rollouts(delays)).length, 2);
    assert.match(world.tags.get('delays/2')?.['plinth.rollout.reason'] ?? '', /50 of 100 requests failed/);
    // An event from before the end is no wish to try again; one from after it is.
    world.measured = good;
    const { reconciler } = processOf(world, store, policies(short));
    await reconciler.look('team-a', 'delays', { version: '2', at: 0 });
    assert.deepEqual(await store.busy(), []);
    await reconciler.look('team-a', 'delays', { version: '2', at: Date.now() + 60_000 });
    assert.deepEqual(await store.busy(), ['delays']);
    await settle(world, store);
    assert.equal((await store.model('delays'))?.serving, '2');
  });

  test('an alias that moves on ends the rollout under way, and the next begins from what serves', async () => {
    const { store } = await fresh();
    const world = new FakeWorld();
    world.alias('team-a', 'delays', '1');
    await settle(world, store);
    world.alias('team-a', 'delays', '2');
    await processOf(world, store, policies(short)).turn();
    world.alias('team-a', 'delays', '3');
    await settle(world, store);
    const [third, second] = await store.history.rollouts(delays);
    assert.deepEqual([second?.outcome, second?.reason], ['rolledBack', 'the alias names version 3 now']);
    assert.deepEqual([third?.version, third?.stable, third?.outcome], ['3', '1', 'promoted']);
    // Back to what serves is no rollout.
    world.alias('team-a', 'delays', '4');
    await processOf(world, store, policies(short)).turn();
    world.alias('team-a', 'delays', '3');
    await settle(world, store);
    assert.equal((await store.history.rollouts(delays)).length, 4);
    assert.equal((await store.model('delays'))?.acted, '3');
  });

  test('a model that leaves the registry is taken away; one whose alias goes stays as it is', async () => {
    const { store } = await fresh();
    const world = new FakeWorld();
    world.alias('team-a', 'delays', '1');
    await settle(world, store);
    world.alias('team-a', 'delays', undefined);
    await settle(world, store);
    assert.deepEqual([...world.running], ['delays/1']);
    world.registered.get('team-a')?.delete('delays');
    await settle(world, store);
    assert.deepEqual([[...world.running], [...world.routes.keys()]], [[], []]);
  });

  test('what can not be served is refused once, and told', async () => {
    const { store } = await fresh();
    const world = new FakeWorld();
    world.alias('team-a', 'Flight Delays', '1');
    world.alias('team-a', 'empty', '99');
    world.alias('team-a', 'declared', '1');
    world.alias('team-a', 'shared', '1');
    await settle(world, store);
    world.alias('team-b', 'shared', '1');
    await settle(world, store);
    assert.match(world.tags.get('Flight Delays/1')?.['plinth.rollout.reason'] ?? '', /lower-case letters/);
    assert.equal(world.tags.get('empty/99')?.['plinth.rollout'], 'refused');
    assert.deepEqual([...world.running], ['shared/1']);
    assert.equal((await store.model('shared'))?.team, 'team-a');
    assert.equal(await store.model('declared'), undefined);
  });

  /** A version that has served for long. */
  const served = async (url: string, world: FakeWorld): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('truncate audit, rollouts, models, deliveries');
    await client.query(
      "insert into models (name, team, serving_version, acted_version) values ('delays', 'team-a', '1', '1')",
    );
    await client.end();
    world.alias('team-a', 'delays', '2');
    world.running.add('delays/1');
    world.routes.set('delays', { stable: '1', versions: [{ version: '1', weight: 100, mirror: false }] });
  };

  // Every sixth call of each, from different ones on: all of them would take minutes on a busy machine.
  for (const [outcome, measured, killed, from] of [
    ['promoted', good, 'before', 1],
    ['promoted', good, 'after', 3],
    ['rolledBack', bad, 'after', 5],
  ] as const)
    test(`killed ${killed} a call to the outside, a rollout is ${outcome} all the same`, async () => {
      const { store, url } = await fresh();
      for (let call = from; ; call += 6) {
        const world = new FakeWorld();
        await served(url, world);
        Object.assign(world, { measured, killed, killAfter: call });
        let died = false;
        try {
          await settle(world, store);
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
          died = true;
        }
        world.killAfter = 0;
        if (died) await settle(world, store);
        const serving = outcome === 'promoted' ? '2' : '1';
        assert.deepEqual([...world.running], [`delays/${serving}`], `killed at call ${call}`);
        assert.equal(world.history.at(-1), `${serving}:100`);
        const [last, ...before] = await store.history.rollouts(delays);
        assert.deepEqual([last?.version, last?.outcome, before.length], ['2', outcome, 0]);
        assert.equal(world.tags.get('delays/2')?.['plinth.rollout'], outcome);
        if (!died) {
          assert.equal(call > 15, true, `${call} calls`);
          return;
        }
      }
    });
});
