import { join } from 'node:path';
import { runIn, type Unpacked, unpack } from './container.ts';

// Nothing here is about speed: the limit only ends what hangs.
jest.setTimeout(60 * 60_000);

const root = join(import.meta.dirname, '../..');

/** What story.py saw: the hub's own modules, in its image, before answers of Kubernetes and of an issuer. */
interface Seen {
  readonly sentences: Readonly<Record<string, string | null>>;
  /** The answer, the groups after it, and the refresh token that is kept. */
  readonly access: Readonly<Record<string, readonly [string, readonly string[], string | null]>>;
  /** What the issuer was asked for, one after the other, and what became of the callbacks. */
  readonly signIn: {
    readonly scopes: readonly string[];
    readonly other: boolean;
    readonly replayed: number;
    readonly end: readonly [number, string];
  };
  readonly images: {
    readonly found: Readonly<Record<string, Readonly<Record<string, string>>>>;
    readonly none: readonly unknown[];
  };
  readonly choices: { readonly unknown: string; readonly literal: unknown };
}

let image: Unpacked;
let seen: Seen;
beforeAll(async () => {
  image = await unpack('jupyterhub');
  const printed = await runIn(image, {
    command: ['python3', '/story/story.py'],
    env: { HOME: '/tmp' },
    mounts: {
      '/story': join(root, 'tests/images/jupyterhub'),
      '/etc/jupyterhub': join(root, 'constructs/jupyterhub/files'),
    },
  });
  seen = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as Seen;
});

describe('why a server did not start is said in a sentence', () => {
  test.each([
    [
      'quota',
      /^Quota: team-a has no room .* asks for 12Gi of memory, and 3Gi of 12Gi is in use\. Stop another/,
    ],
    ['size', /^Size: a container of team-a may use at most 12Gi of memory; choose a smaller size\.$/],
    ['image', /^Image: registry\/notebook:1 can't be fetched: Back-off pulling image\. Choose another image/],
    ['volume', /^Volume: no machine can use the server's volumes: /],
    ['mount', /^Volume: a volume of the server can't be used: Multi-Attach error$/],
    ['no machine', /^No machine: none has room for a server of this size: 0\/2 nodes .*Insufficient memory/],
    ['memory', /^Memory: the server used more than its size allows/],
    ['late', /^Time: the server wasn't ready within 290 seconds; the last .*: Pulling image\.$/],
    ["an image that isn't there is not", /^Image: /],
  ])('%s', (what, sentence) => {
    expect(seen.sentences[what]).toMatch(sentence);
  });

  test.each(['a registry that is slow is waited for', 'no room is waited for', 'was scheduled at last'])(
    '%s',
    (what) => {
      expect(seen.sentences[what]).toBeNull();
    },
  );

  test('what is not offered', () => {
    expect(seen.choices.unknown).toBe("Choice: there is no size 'huge' here; choose one of small, large.");
  });
});

describe('whether a person may stay', () => {
  test.each([
    ['member', ['granted', ['team-a'], 'old']],
    ['token exchanged', ['granted', ['team-a'], 'new']],
    ['other team', ['granted', ['team-b'], 'new']],
    ['no team', ['revoked', ['team-a'], 'old']],
    ['disabled', ['revoked', ['team-a'], 'old']],
    ['never signed in', ['revoked', ['team-a'], null]],
  ] as const)('%s', (what, expected) => {
    expect(seen.access[what]).toEqual(expected);
  });

  test.each(['hub refused', 'issuer ill', 'issuer away'])(
    '%s: that is no answer, and ends nothing',
    (what) => {
      expect(seen.access[what]?.[0]).toBe('unknown');
    },
  );
});

test('signing in asks for a session that every page shares, then for an offline one, and leads on', () => {
  expect(seen.signIn).toEqual({
    scopes: ['openid', 'openid offline_access'],
    other: true,
    replayed: 400,
    end: [302, '/hub/home'],
  });
});

test("what a team has reaches its servers as it is written: braces aren't the spawner's to fill in", () => {
  expect(seen.choices.literal).toEqual({ a: ['{{x}}'] });
});

describe("a team's own images", () => {
  const image = (name: string) => `registry/team-a/${name}@sha256:${'1'.repeat(64)}`;

  test('are named by digest, below the repositories of the team and nowhere else', () => {
    const { built, "another's": planted } = seen.images.found;
    expect(built).toEqual({ name: 'built', title: 'built', image: image('built') });
    expect(planted).not.toHaveProperty('image');
    expect(seen.images.none).toEqual([]);
  });

  test('that are not there say why', () => {
    const { begun, hindered } = seen.images.found;
    expect(begun).toMatchObject({ title: 'begun (not there yet: it is being built)' });
    expect(hindered).toMatchObject({ reason: 'a wheel is missing' });
    const title = seen.images.found['marked']?.title ?? '';
    expect(title).toContain('&lt;script&gt;');
    expect(title.length).toBeLessThan(400);
    expect([begun, hindered].filter((each) => each !== undefined && 'image' in each)).toEqual([]);
  });

  test('stay on offer as they were while a change is being built', () => {
    expect(seen.images.found['changed']).toMatchObject({
      image: image('changed'),
      title: 'changed (as before its last change: it is being built)',
    });
  });
});
