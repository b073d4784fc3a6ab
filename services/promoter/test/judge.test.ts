import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../src/domain/judge.ts';
import type { Measured } from '../src/domain/rollout.ts';
import { gates } from './support/policies.ts';

const measured = (change: Partial<Measured> = {}): Measured => ({
  requests: 100,
  failures: 0,
  differing: 0,
  seconds: 0.02,
  stableSeconds: 0.02,
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
