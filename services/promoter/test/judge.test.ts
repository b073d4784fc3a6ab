import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../src/domain/judge.ts';
import { type Labelled, type Measured, unlabelled } from '../src/domain/rollout.ts';
import { gates } from './support/policies.ts';

const measured = (change: Partial<Measured> = {}): Measured => ({
  requests: 100,
  failures: 0,
  differing: 0,
  seconds: 0.02,
  stableSeconds: 0.02,
  labelled: unlabelled,
  stableLabelled: unlabelled,
  until: 0,
  ...change,
});

const cases: readonly (readonly [string, Partial<Measured>, 'pass' | 'fail' | 'quiet', RegExp?])[] = [
  ['all went well', {}, 'pass'],
  ['as many failures as may be', { failures: 2 }, 'pass'],
  ['one more', { failures: 3 }, 'fail', /3 of 100 requests failed, 2\.0 % may/],
  ['a failure before there are enough requests', { requests: 3, failures: 1 }, 'fail', /1 of 3/],
  ['too few requests to tell', { requests: 19 }, 'quiet'],
  ['just enough', { requests: 20 }, 'pass'],
  ['nobody asks', { requests: 0, seconds: null, stableSeconds: null }, 'quiet'],
  ['slower, as it may be', { seconds: 0.29, stableSeconds: 0.1 }, 'pass'],
  ['too slow', { seconds: 0.31, stableSeconds: 0.1 }, 'fail', /310 ms at quantile 0\.95 is over 300 ms/],
  ['ten times slower, and fast enough', { seconds: 0.05, stableSeconds: 0.005 }, 'pass'],
  ['no time of its own yet', { seconds: null }, 'pass'],
  ['nothing to compare with', { seconds: 9, stableSeconds: null }, 'pass'],
];
for (const [title, change, kind, reason] of cases)
  test(title, () => {
    const verdict = judge(measured(change), gates);
    assert.equal(verdict.kind, kind);
    if (reason !== undefined) assert.match(verdict.kind === 'fail' ? verdict.reason : '', reason);
  });

const labels = (rows: number, wrong: number, error = 0): Labelled => ({ rows, wrong, error });
const qualities: readonly (readonly [string, Labelled, Labelled, 'pass' | 'fail', RegExp])[] = [
  ['nobody labels', unlabelled, unlabelled, 'pass', /too few labels .* 0, and 0 of the stable version; 200/],
  ['all wrong, too few', labels(199, 199), labels(5000, 0), 'pass', /too few labels .* 199, and 5000/],
  ['too few of who serves', labels(5000, 5000), labels(199, 0), 'pass', /too few labels .* 5000, and 199/],
  ['as wrong as may be', labels(200, 30), labels(400, 40), 'pass', /85\.0 % right .* 90\.0 %/],
  ['wrong more often', labels(200, 31), labels(400, 40), 'fail', /by more than 5\.0 %: 84\.5 % right of 200/],
  ['better', labels(200, 2), labels(200, 100), 'pass', /99\.0 % right/],
  ['as far off as may be', labels(200, 0, 210), labels(400, 0, 400), 'pass', /mean error of 1\.05/],
  ['further off', labels(200, 0, 212), labels(400, 0, 400), 'fail', /mean error of 1\.06 over 200 .* 1\.00/],
  ['never off', labels(200, 0, 0), labels(400, 0, 400), 'pass', /mean error of 0\.00 .* 1\.00/],
  ['off, who serves never is', labels(200, 0, 1), labels(400, 0), 'fail', /0\.00500 .* 0\.00$/],
  ['neither makes a mistake', labels(200, 0), labels(400, 0), 'pass', /100\.0 % .* 100\.0 %/],
  ['off, where who serves is wrong', labels(200, 0, 9999), labels(400, 400), 'pass', /baselines of one kind/],
  ['wrong, where who serves is off', labels(200, 200), labels(400, 0, 1), 'pass', /baselines of one kind/],
  ['both in a version', labels(200, 100, 100), labels(400, 0, 1), 'pass', /baselines of one kind/],
];
for (const [title, labelled, stableLabelled, kind, said] of qualities)
  test(`labels: ${title}`, () => {
    const verdict = judge(measured({ labelled, stableLabelled }), gates);
    assert.equal(verdict.kind, kind);
    assert.match(verdict.kind === 'fail' ? verdict.reason : verdict.quality, said);
  });

test('labels count before there are requests enough, as they have a least number of their own', () => {
  const worse = { labelled: labels(200, 100), stableLabelled: labels(200, 0) };
  assert.equal(judge(measured({ requests: 2, ...worse }), gates).kind, 'fail');
});

test('a gate on differing answers counts them', () => {
  const strict = { ...gates, differing: 0.1 };
  assert.equal(judge(measured({ differing: 10 }), strict).kind, 'pass');
  assert.equal(judge(measured({ differing: 11 }), strict).kind, 'fail');
});

test('without a least number of requests one failure is still a failure', () => {
  assert.equal(judge(measured({ requests: 1, failures: 1 }), { ...gates, requests: 0 }).kind, 'fail');
  assert.equal(
    judge(measured({ requests: 0, seconds: null, stableSeconds: null }), { ...gates, requests: 0 }).kind,
    'pass',
  );
});
