import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Yaml } from 'cdk8s';

const root = join(import.meta.dirname, '../..');

interface Step {
  readonly uses?: string;
  readonly run?: string;
}
interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly Step[]; readonly container?: { readonly image: string } }>
  >;
}

const [workflow] = Yaml.load(join(root, '.github/workflows/pull-request.yaml')) as readonly Workflow[];
const commands = (job: string): string =>
  (workflow?.jobs[job]?.steps ?? []).map(({ run }) => run ?? '').join('\n');

test('jobs call make targets that are there', () => {
  const makefile = readFileSync(join(root, 'Makefile'), 'utf8');
  const targets = new Set(Array.from(makefile.matchAll(/^([a-z]+):/gm), ([, name]) => name));
  const called = Object.keys(workflow?.jobs ?? {}).flatMap((job) =>
    Array.from(commands(job).matchAll(/^\s*make (\w+)/gm), ([, name]) => name),
  );
  expect(called).toEqual(['test', 'imports']);
  expect(called.filter((name) => !targets.has(name))).toEqual([]);
});

test('all tests run on Debian, and git is there before the checkout', () => {
  const { container, steps = [] } = workflow?.jobs['test'] ?? {};
  expect(container?.image).toBe('debian:bookworm');
  const git = steps.findIndex(({ run }) => run?.includes(' git '));
  expect(git).toBeGreaterThanOrEqual(0);
  expect(git).toBeLessThan(steps.findIndex(({ uses }) => uses?.startsWith('actions/checkout')));
});

test('the rendered difference is posted as Markdown', () => {
  expect(commands('diff')).toMatch(
    /\.\/plinth diff --base "\$BASE" --markdown > diff\.md[\s\S]*gh pr comment .* --body-file diff\.md/,
  );
});
