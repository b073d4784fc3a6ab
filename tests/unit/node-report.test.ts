import { type NodeEvent, nodeCounts } from '../node.ts';

const countsOf = (status: number, ...events: NodeEvent[]) =>
  nodeCounts('services/x', events.map((event) => `${JSON.stringify(event)}\n`).join(''), status);

describe('counts of a node --test run', () => {
  test('failures, and tests that are skipped, are named with place and error', () => {
    const failed: NodeEvent = { result: 'fail', name: 'b', file: 'b.test.ts', line: 7, error: '1 !== 2' };
    expect(
      countsOf(1, { result: 'pass', name: 'a' }, { result: 'skip', name: 'c', why: 'no database' }, failed),
    ).toEqual({
      passed: 1,
      failed: 2,
      failures: ['c (services/x:0)\n      skipped: no database', 'b (b.test.ts:7)\n      1 !== 2'],
    });
  });

  test('a run that fails without a failed test, or finds no test, is a failure', () => {
    const { failed, failures } = countsOf(1, { result: 'pass', name: 'a' });
    expect(failed).toBe(1);
    expect(failures).toEqual(['node --test in services/x ended with 1 and 1 passed tests']);
    expect(countsOf(0).failed).toBe(1);
  });
});
