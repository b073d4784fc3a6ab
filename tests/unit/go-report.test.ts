import { GoReport } from '../go.ts';

const reportOf = (...events: Parameters<GoReport['add']>[0][]) => {
  const report = new GoReport();
  for (const event of events) report.add(event);
  return report.counts();
};

const pass = (Test: string) => ({ Action: 'pass', Package: 'm/p', Test });
const fail = (Test: string) => ({ Action: 'fail', Package: 'm/p', Test });

describe('counts of a go test run', () => {
  test('a test with subtests counts as its subtests', () => {
    const counts = reportOf(pass('TestA/one'), pass('TestA/two'), pass('TestA'), pass('TestB'));
    expect(counts).toEqual({ passed: 3, failed: 0, failures: [], skipped: [] });
  });

  test('a failed subtest is named with its output, once', () => {
    const { passed, failed, failures } = reportOf(
      pass('TestA/one'),
      { Action: 'output', Package: 'm/p', Test: 'TestA/two', Output: '    a_test.go:7: got 1, want 2\n' },
      fail('TestA/two'),
      fail('TestA'),
      { Action: 'fail', Package: 'm/p' },
    );
    expect([passed, failed]).toEqual([1, 1]);
    expect(failures).toEqual(['m/p.TestA/two\n          a_test.go:7: got 1, want 2']);
  });

  test('a failure of the parent itself is not lost among passing subtests', () => {
    expect(reportOf(pass('TestA/one'), fail('TestA'), { Action: 'fail', Package: 'm/p' }).failures).toEqual([
      'm/p.TestA\n      ',
    ]);
  });

  test('a package that does not compile is a failure with the compiler message', () => {
    const counts = reportOf(
      { Action: 'build-output', ImportPath: 'm/p', Output: './a.go:3:1: syntax error\n' },
      { Action: 'build-fail', ImportPath: 'm/p [m/p.test]' },
      { Action: 'output', Package: 'm/p', Output: 'FAIL\tm/p [build failed]\n' },
      { Action: 'fail', Package: 'm/p' },
    );
    expect(counts).toEqual({
      passed: 0,
      failed: 1,
      failures: ['m/p\n      ./a.go:3:1: syntax error\n      FAIL\tm/p [build failed]'],
      skipped: [],
    });
  });

  test('a skipped test is named with its reason, and is no passed one', () => {
    const { passed, skipped } = reportOf(
      pass('TestA'),
      { Action: 'output', Package: 'm/p', Test: 'TestB', Output: '    b_test.go:3: not root\n' },
      { Action: 'skip', Package: 'm/p', Test: 'TestB' },
    );
    expect([passed, skipped]).toEqual([1, ['m/p.TestB\n          b_test.go:3: not root']]);
  });
});
