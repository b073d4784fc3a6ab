import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from '../src/domain/decide.ts';
import { type Desired, desired, routeDocument } from '../src/domain/desired.ts';
import type { Policy } from '../src/domain/policy.ts';
import {
  type Measured,
  type Observation,
  type PodsState,
  type Rollout,
  unlabelled,
} from '../src/domain/rollout.ts';
import { policy, steps, withSteps } from './support/policies.ts';

const fresh = (change: Partial<Rollout> = {}): Rollout => ({
  id: '1',
  team: 'team-a',
  model: 'delays',
  version: '2',
  stable: '1',
  steps: [...steps],
  phase: 'deploying',
  step: 0,
  since: null,
  blindSince: null,
  approved: null,
  stopReason: null,
  outcome: null,
  reason: null,
  revision: 1,
  ...change,
});

/** Measured until now, which a look puts in. */
type Known = Omit<Measured, 'until'>;

const unlabelledBoth = { labelled: unlabelled, stableLabelled: unlabelled };
const good: Known = {
  ...{ requests: 100, failures: 0, differing: 0, seconds: 0.02, stableSeconds: 0.02 },
  ...unlabelledBoth,
};
const bad: Known = { ...good, failures: 50 };
const quiet: Known = {
  ...{ requests: 0, failures: 0, differing: 0, seconds: null, stableSeconds: null },
  ...unlabelledBoth,
};
/** Labels of as many rows as the gate asks for, so many of them wrong; the stable version has a tenth wrong. */
const told = (wrong: number, rows = policy.gates.labels): Known => ({
  ...good,
  labelled: { rows, wrong, error: 0 },
  stableLabelled: { rows: 1000, wrong: 100, error: 0 },
});
const worse = told(100);
const ready: PodsState = { kind: 'ready' };

interface Sight {
  readonly pods?: PodsState;
  readonly measured?: Known | undefined;
  /** By how many seconds the last scrape is behind. */
  readonly behind?: number;
  /** Seconds since the last one. */
  readonly later?: number;
  readonly approve?: boolean;
  readonly stop?: string;
}

interface World {
  rollout: Rollout;
  now: number;
  readonly events: string[];
  /** What the last entry of the audit says of quality. */
  quality?: unknown;
}

const start = (change: Partial<Rollout> = {}): World => ({
  rollout: fresh(change),
  now: 1_000_000,
  events: [],
});

/** One look, and whatever is decided at once. */
const look = (world: World, sight: Sight = {}, own: Policy = policy): World => {
  world.now += (sight.later ?? 0) * 1000;
  if (sight.approve) world.rollout = { ...world.rollout, approved: world.rollout.step };
  if (sight.stop !== undefined) world.rollout = { ...world.rollout, stopReason: sight.stop };
  const measured = 'measured' in sight ? sight.measured : good;
  for (let count = 0; count < 50; count += 1) {
    const seen: Observation = {
      now: world.now,
      pods: sight.pods ?? ready,
      measured: measured && { ...measured, until: world.now - (sight.behind ?? 0) * 1000 },
    };
    const { rollout, entries } = decide(world.rollout, seen, own);
    if (rollout === world.rollout) return world;
    world.rollout = rollout;
    world.events.push(...entries.map(({ event }) => event));
    for (const { detail } of entries) if ('quality' in detail) world.quality = detail['quality'];
  }
  throw new Error('it never comes to rest');
};

const traffic = ({ rollout }: World): string =>
  (desired(rollout).route?.versions ?? [])
    .map(({ version, weight, mirror }) => `${version}:${mirror ? 'mirror' : weight}`)
    .join(' ');

test('a good candidate goes through every step, with approval, to all requests', () => {
  const world = start();
  assert.equal(traffic(look(world, { pods: { kind: 'absent' } })), '1:100');
  assert.equal(traffic(look(world, { pods: { kind: 'starting' }, later: 10 })), '1:100');
  assert.equal(traffic(look(world)), '1:100 2:mirror');
  assert.equal(traffic(look(world, { later: 29 })), '1:100 2:mirror');
  look(world, { later: 1 });
  assert.equal(world.rollout.step, 1);
  // While somebody is asked all stays as it was, however long that takes.
  assert.equal(traffic(look(world, { later: 100_000 })), '1:100 2:mirror');
  assert.equal(traffic(look(world, { approve: true })), '1:90 2:10');
  assert.equal(traffic(look(world, { later: 30 })), '1:50 2:50');
  assert.equal(traffic(look(world, { later: 59 })), '1:50 2:50');
  assert.equal(traffic(look(world, { later: 1 })), '2:100');
  assert.deepEqual(desired(world.rollout).versions, ['1', '2']);
  look(world, { later: 14 });
  assert.equal(world.rollout.phase, 'ending');
  look(world, { later: 1 });
  assert.equal(world.rollout.phase, 'done');
  assert.deepEqual(desired(world.rollout), { versions: ['2'], route: desired(world.rollout).route });
  assert.equal(world.rollout.outcome, 'promoted');
  assert.deepEqual(world.events, [
    ...['ready', 'step', 'passed', 'step', 'approved', 'step', 'passed', 'step', 'passed', 'promoting'],
    'finished',
  ]);
});

test('the first version of a model serves as soon as it is ready', () => {
  const world = start({ stable: null });
  assert.equal(desired(look(world, { pods: { kind: 'starting' } }).rollout).route, null);
  assert.equal(traffic(look(world)), '2:100');
  assert.equal(world.rollout.outcome, 'promoted');
});

test('a first version that never starts leaves nothing behind', () => {
  const world = start({ stable: null });
  look(world, { pods: { kind: 'absent' } });
  look(world, { pods: { kind: 'failed', why: 'fetch-model ended with 1' } });
  look(world, { later: 15 });
  assert.deepEqual(desired(world.rollout), { versions: [], route: null });
  assert.match(world.rollout.reason ?? '', /its pods don't start: fetch-model ended with 1/);
});

test('pods that are not ready in time are given up, with what they said', () => {
  const world = start();
  look(world, { pods: { kind: 'starting' } });
  look(world, { pods: { kind: 'starting' }, later: 599 });
  assert.equal(world.rollout.phase, 'deploying');
  look(world, { pods: { kind: 'starting', why: 'exceeded quota' }, later: 1 });
  assert.equal(world.rollout.reason, 'not ready within 600 s: exceeded quota');
});

const into = (step: number): World => {
  const world = look(start());
  while (world.rollout.step < step) look(world, { later: 60, approve: true });
  return world;
};

for (const step of steps.keys())
  test(`a failure in step ${step} gives every request back to the stable version at once`, () => {
    const world = into(step);
    assert.equal(traffic(look(world, { measured: bad, later: 1 })), '1:100');
    assert.equal(world.rollout.outcome, 'rolledBack');
    assert.match(world.rollout.reason ?? '', /50 of 100 requests failed/);
    // It is still there for who has asked it already.
    assert.deepEqual(desired(world.rollout).versions, ['1', '2']);
    look(world, { later: 15 });
    assert.deepEqual(desired(world.rollout).versions, ['1']);
  });

for (const step of steps.keys())
  test(`somebody who ends it in step ${step} is obeyed, even while nothing can be seen`, () => {
    const world = into(step);
    look(world, { stop: 'ada: no', measured: undefined, pods: { kind: 'absent' } });
    assert.equal(traffic(world), '1:100');
    assert.equal(world.rollout.reason, 'ada: no');
  });

for (const step of steps.keys())
  test(`labels that say it is worse, in step ${step}, give every request back to the stable version`, () => {
    const world = into(step);
    assert.equal(traffic(look(world, { measured: worse, later: 1 })), '1:100');
    assert.equal(
      world.rollout.reason,
      "worse by more than 5.0 %: 50.0 % right of 200 labels; of the stable version's 90.0 %",
    );
  });

test('too few labels say nothing, which the audit tells; enough that say it is as good do too', () => {
  const world = into(0);
  look(world, { measured: told(199, 199), later: 30 });
  assert.equal(world.rollout.step, 1);
  assert.match(String(world.quality), /too few labels to compare by: 199, and 1000 of the stable version/);
  look(world, { measured: told(20), approve: true });
  look(world, { measured: told(20), later: 30 });
  assert.equal(world.rollout.step, 3);
  assert.match(String(world.quality), /90\.0 % right of 200 labels/);
});

test('pods that break during a step end it', () => {
  const world = into(2);
  look(world, { pods: { kind: 'failed', why: 'OOMKilled' } });
  assert.equal(world.rollout.reason, 'its pods fail: OOMKilled');
});

test('a model that nobody asks waits longer, and goes on', () => {
  const world = into(0);
  look(world, { measured: quiet, later: 30 });
  assert.equal(world.rollout.step, 0);
  look(world, { measured: quiet, later: 99 });
  assert.equal(world.rollout.step, 0);
  look(world, { measured: quiet, later: 1 });
  assert.equal(world.rollout.step, 1);
  assert.equal(world.events.includes('quiet'), true);
});

test("a step isn't over before its last second was measured, however good what was seen is", () => {
  const world = into(0);
  look(world, { later: 50, behind: 25 });
  assert.equal(world.rollout.step, 0);
  look(world, { later: 4, behind: 24 });
  assert.equal(world.rollout.step, 1);
  // A failure is one whenever it was seen.
  look(world, { later: 1, behind: 25, measured: bad });
  assert.equal(world.rollout.outcome, 'rolledBack');
});

test('without measurements nothing goes on, and for too long without ends it', () => {
  const world = into(0);
  look(world, { measured: undefined, later: 299 });
  assert.equal(world.rollout.step, 0);
  // They come back: the time without starts anew.
  look(world, { measured: quiet, later: 1 });
  assert.equal(world.rollout.blindSince, null);
  look(world, { measured: undefined, later: 1 });
  look(world, { measured: undefined, later: 299 });
  assert.equal(world.rollout.phase, 'step');
  look(world, { measured: undefined, later: 1 });
  assert.equal(world.rollout.reason, 'nothing could be measured for 300 s');
});

test('who approved another step has not approved this one', () => {
  const twice = withSteps({ kind: 'approval' }, { kind: 'approval' });
  const world = start({ steps: twice.steps });
  look(world, {}, twice);
  look(world, { approve: true }, twice);
  assert.equal(world.rollout.step, 1);
  look(world, { later: 1000 }, twice);
  assert.equal(world.rollout.step, 1);
});

/** What must be true of every state that can be reached, whatever is seen on the way. */
const check = (rollout: Rollout, own: Desired): void => {
  const { route, versions } = own;
  for (const version of versions) assert.equal([rollout.stable, rollout.version].includes(version), true);
  if (route === null) {
    assert.equal(rollout.stable, null);
    return;
  }
  assert.equal(
    route.versions.reduce((sum, { weight }) => sum + weight, 0),
    100,
  );
  for (const { version, weight, mirror } of route.versions) {
    assert.equal(versions.includes(version), true, `${version} is routed and must run`);
    assert.equal(mirror && weight > 0, false);
    assert.equal(mirror && version === route.stable, false);
  }
  assert.equal(
    route.versions.some(({ version, mirror }) => version === route.stable && !mirror),
    true,
  );
  if (rollout.phase === 'deploying')
    assert.deepEqual(
      route.versions.map(({ version }) => version),
      [rollout.stable],
    );
  if (rollout.outcome === 'rolledBack') assert.equal(route.stable, rollout.stable);
  if (rollout.outcome !== 'promoted' && rollout.stable !== null) assert.equal(route.stable, rollout.stable);
};

const sights: readonly Sight[] = [
  { pods: { kind: 'absent' }, measured: undefined },
  { pods: { kind: 'starting' }, measured: undefined },
  { pods: { kind: 'failed', why: 'x' } },
  { measured: good },
  { measured: bad },
  { measured: worse },
  { measured: told(0) },
  { measured: { ...quiet, labelled: worse.labelled, stableLabelled: worse.stableLabelled } },
  { measured: quiet },
  { measured: undefined },
  { measured: good, approve: true },
  { measured: good, stop: 'enough' },
].flatMap((sight) => [0, 30, 400, 1000].map((later) => ({ ...sight, later })) as readonly Sight[]);

/** A state without what only distinguishes clocks: times count by how long ago they are. */
const keyOf = ({ rollout, now }: World): string =>
  JSON.stringify({
    ...rollout,
    since: rollout.since === null ? null : Math.min(now - rollout.since, 2_000_000),
    blindSince: rollout.blindSince === null ? null : Math.min(now - rollout.blindSince, 1_000_000),
  });

for (const stable of ['1', null])
  test(`every state that can be reached from ${stable === null ? 'nothing' : 'a stable version'} keeps the promises, and every one can end`, () => {
    const known = new Map<string, World>();
    const next = new Map<string, readonly string[]>();
    const open: World[] = [{ ...start({ stable }), events: [] }];
    while (open.length > 0) {
      const world = open.pop() as World;
      const key = keyOf(world);
      if (known.has(key)) continue;
      known.set(key, world);
      check(world.rollout, desired(world.rollout));
      const reached: World[] = [];
      for (const sight of sights) {
        if (world.rollout.phase === 'done') break;
        const after = look({ rollout: world.rollout, now: world.now, events: [] }, sight);
        // Decided again with the same, nothing more happens: a crash between two questions loses nothing.
        assert.deepEqual(
          look({ ...after, events: [] }, { ...sight, later: 0, approve: false }).rollout,
          after.rollout,
        );
        // Nothing skips a step, and nothing un-decides an outcome.
        if (world.rollout.outcome !== null) assert.equal(after.rollout.outcome, world.rollout.outcome);
        if (after.rollout.phase === 'step' && world.rollout.phase === 'step')
          assert.equal(after.rollout.step - world.rollout.step <= 1, true);
        // What labels condemn gets no further request.
        if (sight.measured === worse && after.rollout.phase === 'step')
          assert.fail(`${key} goes on in spite of its labels`);
        if (after.rollout.outcome === 'promoted' && stable !== null)
          assert.equal(after.rollout.step, after.rollout.steps.length);
        reached.push(after);
      }
      next.set(key, reached.map(keyOf));
      open.push(...reached);
    }
    const done = (key: string): boolean => known.get(key)?.rollout.phase === 'done';
    const ends = new Set([...known.keys()].filter(done));
    for (let grown = true; grown; ) {
      grown = false;
      for (const [key, reached] of next)
        if (!ends.has(key) && reached.some((each) => ends.has(each))) {
          ends.add(key);
          grown = true;
        }
    }
    assert.equal(ends.size, known.size);
    assert.equal(known.size > 20, true, `${known.size} states`);
    const outcomes = new Set(
      [...known.values()]
        .filter(({ rollout }) => rollout.phase === 'done')
        .map(({ rollout }) => rollout.outcome),
    );
    assert.deepEqual([...outcomes].sort(), ['promoted', 'rolledBack']);
  });

test('a route is what the inference gateway reads', () => {
  const route = desired(into(2).rollout).route;
  assert.ok(route);
  const place = { team: 'team-a', model: 'delays', namespace: 'team-a', port: 8080 };
  assert.deepEqual(routeDocument(route, place, policy), {
    team: 'team-a',
    stable: 'v1',
    predictors: [
      {
        ...{ name: 'v1', version: '1', url: 'http://delays-v1.team-a.svc.cluster.local:8080' },
        ...{ weight: 90, mirror: false },
      },
      {
        ...{ name: 'v2', version: '2', url: 'http://delays-v2.team-a.svc.cluster.local:8080' },
        ...{ weight: 10, mirror: false },
      },
    ],
    timeoutMs: 10_000,
    maxConcurrent: 8,
    maxQueued: 16,
    log: { sample: 0, redact: [] },
  });
});
