import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prune } from '../../lab/images/build.ts';
import { Buildah } from '../../lab/images/buildah.ts';
import { ensureDebianPackages } from '../../lab/support/apt.ts';
import { cached } from '../../lab/support/cache.ts';
import { run } from '../../lab/support/exec.ts';

// Nothing here is about speed: the limit only ends what hangs.
jest.setTimeout(60 * 60_000);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plinth-builds-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mountsBelow = (path: string): readonly string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${path}`));

test('a round of builds begins without what a killed one left, mounts included, and leaves nothing itself', async () => {
  await ensureDebianPackages(['buildah', 'mount']);
  const storage = join(folder, 'storage');
  const left = join(storage, 'root', 'overlay', 'left');
  mkdirSync(left, { recursive: true });
  await run(['mount', '-t', 'tmpfs', 'tmpfs', left]);
  mkdirSync(join(left, 'deeper'));
  await run(['mount', '-t', 'tmpfs', 'tmpfs', join(left, 'deeper')]);

  const context = join(folder, 'context');
  mkdirSync(context);
  writeFileSync(join(context, 'hello'), 'hello\n');
  writeFileSync(join(context, 'Containerfile'), 'FROM scratch\nCOPY hello /hello\n');
  const buildah = await Buildah.open(storage);
  try {
    expect(existsSync(left)).toBe(false);
    expect(mountsBelow(storage)).toEqual([]);
    const reference = 'localhost/plinth/hello:1-0';
    await buildah.build({ context, reference, base: undefined, secrets: {} });
    await buildah.export(reference, join(folder, 'hello.tar'));
    const manifest = await run(['tar', '-xOf', join(folder, 'hello.tar'), 'manifest.json']);
    expect(JSON.parse(manifest)).toMatchObject([{ RepoTags: [reference] }]);
  } finally {
    await buildah.close();
  }
  expect(existsSync(storage)).toBe(false);
  expect(mountsBelow(folder)).toEqual([]);
});

test('of one image the two archives used last stay in the cache', () => {
  for (const [index, name] of ['old.tar', 'oldest.tar', 'new.tar', '.unfinished'].entries()) {
    const day = [2, 1, 3, 0][index] ?? 0;
    writeFileSync(join(folder, name), name);
    utimesSync(join(folder, name), day * 86_400, day * 86_400);
  }
  prune(folder);
  expect(readdirSync(folder).toSorted()).toEqual(['.unfinished', 'new.tar', 'old.tar']);
});

test('a mount in what a killed run left half built is taken away, and nothing behind it is removed', async () => {
  const [before, behind] = [process.env['XDG_CACHE_HOME'], join(folder, 'behind')];
  const mounted = join(folder, 'plinth/kind/.key.unfinished/tmpmounts/one');
  for (const path of [behind, mounted]) mkdirSync(path, { recursive: true });
  writeFileSync(join(behind, 'file'), '');
  process.env['XDG_CACHE_HOME'] = folder;
  try {
    await run(['mount', '--bind', behind, mounted]);
    const made = await cached('kind', 'key', async (into) => writeFileSync(join(into, 'whole'), ''));
    expect(readdirSync(made)).toEqual(['whole']);
    expect(readdirSync(behind)).toEqual(['file']);
    expect(mountsBelow(folder)).toEqual([]);
  } finally {
    await run(['sh', '-c', 'umount "$0" 2>/dev/null || true', mounted]);
    if (before === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before;
  }
});
