import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { diff } from '../../platform/cli/diff.ts';
import { UsageError } from '../../platform/cli/usage.ts';

jest.mock('../../platform/cli/revisions.ts', () => ({
  root: '.',
  renderRevisions: async () => ({ before: new Map([['old', []]]), after: new Map([['local', []]]) }),
}));

const root = join(import.meta.dirname, '../..');
/** What `plinth` says on a machine that has nothing but Node.js, and its exit code. */
const plinth = (...args: readonly string[]) => {
  const { status, stderr } = spawnSync(process.execPath, ['platform/cli/plinth.ts', ...args], {
    cwd: root,
    env: { PATH: '/nowhere' },
    encoding: 'utf8',
  });
  return { status, stderr };
};

test.each([
  [['nothing'], /no command nothing; there are diff, status, destroy/],
  [['diff'], /diff needs --base <revision>/],
  [['status', '--environment', 'locla'], /no environment locla; there are .*local/],
])('a mistake of the command line ends with 2: plinth %j', (args, says) => {
  expect(plinth(...args)).toEqual({ status: 2, stderr: expect.stringMatching(says) });
});

test('an environment that neither revision has is such a mistake, told with those that there are', async () => {
  const asked = diff({ base: 'main', environment: 'locla', markdown: false });
  await expect(asked).rejects.toThrow(UsageError);
  await expect(asked).rejects.toThrow('no environment locla, neither here nor in main; there are local, old');
});

test('without Pulumi a stack is not destroyed, and what to do is said', () => {
  const { status, stderr } = plinth('destroy', 'local', '--yes');
  expect([status, stderr]).toEqual([1, expect.stringContaining('. .stacks/<context>/pulumi.env')]);
});
