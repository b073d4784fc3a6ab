import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPrograms } from '../../lab/images/programs.ts';
import { runIn, unpack } from './container.ts';

// Nothing here is about speed: the limit only ends what hangs.
jest.setTimeout(60 * 60_000);

const root = join(import.meta.dirname, '../..');
const files = join(root, 'constructs/registry/files');

/** What story.py saw: notebook images built in the notebook image, and what the registry lets whom do. */
interface Seen {
  readonly digests: readonly string[];
  readonly base: readonly [string, number];
  readonly names: readonly string[];
  readonly pointer: string;
  readonly hindered: Readonly<Record<string, string>>;
  readonly statuses: Readonly<Record<string, number>>;
  readonly metrics: readonly string[];
}

let seen: Seen;
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-team-images-'));
  try {
    // The image's own user reads it.
    chmodSync(folder, 0o755);
    const story = readFileSync(join(root, 'tests/images/team-images/story.py'), 'utf8');
    writeFileSync(join(folder, 'story.py'), story);
    // The platform's own configuration, but for where layers and accounts are.
    const config = readFileSync(join(files, 'config.yml'), 'utf8')
      .replace(/^ {2}s3:\n {4}forcepathstyle: true\n/m, '  inmemory: {}\n')
      .replace('/etc/plinth/accounts/', '/tmp/');
    writeFileSync(join(folder, 'config.yml'), config);
    const printed = await runIn(await unpack('notebook'), {
      command: ['/opt/notebook/bin/python', '/story/story.py'],
      env: { HOME: '/tmp' },
      mounts: {
        '/story': folder,
        '/files': files,
        '/support': join(root, 'tests/support'),
        '/tools': await buildPrograms('registry'),
      },
      scratch: ['/work'],
    });
    seen = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as Seen;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe("a team's notebook image", () => {
  test('is the same image whenever the same is asked for: the base and one layer', () => {
    const [first, second] = seen.digests;
    expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(second).toBe(first);
    expect(seen.base[0]).not.toBe(first);
    expect(seen.base[1]).toBe(2);
  });

  test("holds what was asked for, and the file by which the image's own Python finds it", () => {
    expect(seen.names).toContain('opt/team-image/small_thing/__init__.py');
    const others = seen.names.filter((name) => !/^opt\/team-image(\/small_thing|$)/.test(name));
    expect(others).toEqual([
      expect.stringMatching(/^opt\/notebook\/lib\/.*\/site-packages\/team-image\.pth$/),
    ]);
    expect(seen.pointer).toBe('/opt/team-image\n');
  });

  test.each([
    [
      'dependency',
      /^the packages don't fit together: needy 1\.0 requires absent-thing, which is not installed/,
    ],
    ['wheel', /^s3:\/\/team-a\/wheels\/ has no wheel of small-thing==2\.0$/],
    ['hash', /^pip: THESE PACKAGES DO NOT MATCH THE HASHES .*small_thing==1\.0.*Got/],
    ['version', /^the platform's image has boto3==[\d.]+: ask for these versions, or leave them out$/],
    ['no version', /^requirements: Invalid version: '1-_'$/],
    ['base', /^the registry lacks the image that others are built on, plinth\/notebook:2; an administrator/],
    ['another team', /^the registry: pushing image .*\/team-b\/geo:x: .*401/],
  ])('what keeps it from being built is said in a sentence: %s', (what, sentence) => {
    expect(seen.hindered[what]).toMatch(sentence);
  });
});

describe('an account of the registry', () => {
  test('pushes below its own name, and pulls what teams build on', () => {
    expect(seen.statuses).toMatchObject({ own: 202, 'shared, pulled': 200 });
  });

  test.each([
    'nobody',
    'wrong password',
    "another's",
    "another's image",
    'a longer name',
    'shared, pushed',
    'catalogue',
  ])('may do nothing else: %s', (what) => {
    expect(seen.statuses[what]).toBe(401);
  });
});

test('the registry counts what it answers by status, as its alert asks', () => {
  expect(seen.metrics).toContainEqual(expect.stringMatching(/[{,]code="202"[,}]/));
  expect(seen.metrics).toContainEqual(expect.stringMatching(/[{,]code="401"[,}]/));
});
