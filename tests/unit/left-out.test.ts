import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { leftOut } from '../../platform/cli/left-out.ts';
import { root } from '../../platform/cli/revisions.ts';

jest.mock('../../platform/cli/revisions.ts', () => ({
  root: jest.requireActual('node:fs').mkdtempSync('/tmp/plinth-status-'),
}));

beforeAll(() => {
  mkdirSync(join(root, '.lab'));
  writeFileSync(join(root, '.lab/stand-ins.json'), '["node: one of this machine"]');
  writeFileSync(join(root, '.lab/absent.json'), '["notebook: its image is missing"]');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const noted = ['left out: notebook: its image is missing', 'stand-in: node: one of this machine'];
const off = 'left out: promoter, switched off in environments/staging.ts';

test("what the lab noted is told of the lab's cluster", () => {
  for (const kubeconfig of [{}, { kubeconfig: join(root, '.lab/kubeconfig') }])
    expect(leftOut({ environment: 'staging', ...kubeconfig })).toEqual(
      expect.arrayContaining([off, ...noted]),
    );
});

test.each([
  { context: 'prod' },
  { kubeconfig: '/elsewhere/kubeconfig' },
  { context: 'prod', kubeconfig: '/elsewhere/kubeconfig' },
])('of another cluster only what its environment leaves out: %j', (cluster) => {
  const told = leftOut({ environment: 'staging', ...cluster });
  expect(told).toContain(off);
  for (const each of noted) expect(told).not.toContain(each);
});
