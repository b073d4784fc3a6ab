import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const config = join(root, '.dependency-cruiser.cjs');

interface Cruise {
  readonly summary: {
    readonly violations: readonly { from: string; to: string; rule: { name: string } }[];
    readonly totalCruised: number;
  };
}

const cruise = (folder: string, parts: readonly string[]): Cruise['summary'] => {
  const program = join(root, 'node_modules/.bin/depcruise');
  const args = [program, '--config', config, '--output-type', 'json', ...parts];
  const output = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 });
  return (JSON.parse(output) as Cruise).summary;
};

/** A small repository in which every arrow is broken once: the rule, who imports, what, and how. */
const planted: readonly (readonly [string, string, string, string?])[] = [
  ['contracts-know-nobody', 'constructs/contracts/a.ts', 'constructs/kit/index.ts'],
  ['catalogue-knows-contracts-only', 'constructs/catalogue/a.ts', 'constructs/imports/kinds.d.ts'],
  ['kit-knows-no-component', 'constructs/kit/a.ts', 'constructs/postgres/index.ts'],
  ['components-know-no-other', 'constructs/mlflow/a.ts', 'constructs/postgres/index.ts'],
  ['components-know-no-other', 'constructs/mlflow/types.ts', 'constructs/postgres/index.ts', 'import type'],
  ['constructs-know-no-platform', 'constructs/postgres/a.ts', 'platform/spec.ts'],
  ['only-composition-knows-components', 'platform/secrets.ts', 'constructs/postgres/index.ts'],
  ['environments-are-data', 'environments/local.ts', 'platform/spec.ts'],
  ['environments-know-the-spec-only', 'environments/staging.ts', 'platform/compose.ts', 'import type'],
  ['only-entry-points-know-environments', 'platform/checks/a.ts', 'environments/index.ts'],
  ['platform-knows-no-lab', 'platform/b.ts', 'lab/up.ts'],
  ['lab-knows-no-tests', 'lab/a.ts', 'tests/run.ts'],
  ['services-stand-alone', 'services/one/a.ts', 'services/two/index.ts'],
  ['services-stand-alone', 'services/one/b.ts', 'constructs/kit/index.ts'],
  ['synthesis-without-pulumi', 'platform/synthesis/a.ts', 'platform/bridge/index.ts'],
  ['no-circle', 'platform/circle/a.ts', 'platform/circle/b.ts'],
  ['nothing-unresolved', 'scripts/a.ts', 'scripts/absent.ts'],
];

/** What may be: none of these is a violation. */
const allowed: readonly (readonly [string, string, string?])[] = [
  ['constructs/postgres/fine.ts', 'constructs/kit/index.ts'],
  ['constructs/kit/fine.ts', 'constructs/contracts/index.ts'],
  ['platform/compose.ts', 'constructs/mlflow/index.ts'],
  ['platform/compose/data.ts', 'constructs/postgres/index.ts'],
  ['platform/synth.ts', 'environments/index.ts'],
  ['environments/production.ts', 'platform/spec.ts', 'import type'],
  ['lab/fine.ts', 'platform/compose.ts'],
  ['tests/fine.ts', 'constructs/postgres/index.ts'],
];

test('every rule of the import arrows finds its violation, and nothing else is one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-architecture-'));
  try {
    const texts = new Map<string, string[]>();
    const add = (file: string, line?: string): void => {
      texts.set(file, [...(texts.get(file) ?? []), ...(line === undefined ? [] : [line])]);
    };
    const importing = (from: string, to: string, how = 'import'): void => {
      const up = dirname(from)
        .split('/')
        .map(() => '..')
        .join('/');
      add(from, `${how} { value } from '${up}/${to}';\nexport const own = (): typeof value => value;`);
      if (!to.endsWith('absent.ts')) add(to);
    };
    for (const [, from, to, how] of planted) importing(from, to, how);
    for (const [from, to, how] of allowed) importing(from, to, how);
    importing('platform/circle/b.ts', 'platform/circle/a.ts');
    importing('platform/circle/types.ts', 'platform/circle/values.ts', 'import type');
    importing('platform/circle/values.ts', 'platform/circle/types.ts');
    add('package.json', '{ "name": "planted", "version": "1.0.0", "license": "Apache-2.0" }');
    for (const [file, lines] of texts) {
      const path = join(folder, file);
      mkdirSync(dirname(path), { recursive: true });
      const value = file.endsWith('.ts') ? ['export const value = 1;'] : [];
      writeFileSync(path, `${[...lines, ...value].join('\n')}\n`);
    }
    const { violations } = cruise(folder, [
      ...['constructs', 'platform', 'environments', 'lab', 'scripts', 'tests', 'services'],
    ]);
    const found = new Set(violations.map(({ rule, from }) => `${rule.name}: ${from}`));
    for (const [rule, from] of planted) expect(found).toContain(`${rule}: ${from}`);
    const fine = [...allowed.map(([from]) => from), 'platform/circle/types.ts', 'platform/circle/values.ts'];
    for (const from of fine) expect([...found].filter((each) => each.endsWith(`: ${from}`))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
