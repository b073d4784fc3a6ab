import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageStore, seedNode, withContainerd } from '../../lab/kubernetes/image-store.ts';
import type { ImageArchive } from '../../lab/kubernetes/images.ts';
import { writeScratchImage } from '../../lab/kubernetes/scratch-image.ts';
import { debianPackages } from '../../lab/prerequisites.ts';
import { ensureDebianPackages } from '../../lab/support/apt.ts';
import { run } from '../../lab/support/exec.ts';

// Nothing here is about speed: the limit only ends what hangs.
jest.setTimeout(10 * 60_000);

let folder: string;
let notes: string[];
const options = () => ({ log: join(folder, 'log'), note: (text: string) => notes.push(text) });
const before = process.env['XDG_CACHE_HOME'];
beforeAll(() => ensureDebianPackages(debianPackages));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plinth-store-'));
  notes = [];
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
});
afterEach(() => {
  if (before === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = before;
  rmSync(folder, { recursive: true, force: true });
});

const made = async (name: string): Promise<ImageArchive> => {
  const file = join(folder, name);
  writeFileSync(file, `the content of ${name}`);
  const image = { reference: `plinth.local/test/${name}:1`, archive: join(folder, `${name}.tar`) };
  await writeScratchImage(image.archive, image.reference, {
    entrypoint: [`/${name}`],
    files: { [`/${name}`]: { from: file } },
  });
  return image;
};

const below = (root: string): readonly string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** The images of a root that are whole: their content is there, and unpacked. */
const wholeIn = (root: string): Promise<readonly string[]> =>
  withContainerd(root, join(folder, 'log'), async (client) => {
    const [, ...lines] = (await run(client('images', 'check'))).trimEnd().split('\n');
    return lines
      .filter((line) => /\bcomplete\b.*\btrue$/.test(line.trim()))
      .map((line) => line.split(/\s/)[0] ?? '')
      .toSorted();
  });

test('a node without images gets them all at once, unpacked: layers are links, and databases its own', async () => {
  const [a, b] = [await made('a'), await made('b')];
  const root = join(folder, 'node', 'containerd');
  await seedNode(root, [a, b], options());
  const files = below(root);
  const layer = files.filter((path) => /snapshots\/\d+\/fs\/[ab]$/.test(path));
  expect(layer.map((path) => statSync(path).nlink)).toEqual([2, 2]);
  const databases = files.filter((path) => path.endsWith('.db'));
  expect(databases.length).toBeGreaterThan(1);
  expect(databases.filter((path) => statSync(path).nlink > 1)).toEqual([]);
  expect(await wholeIn(root)).toEqual([a.reference, b.reference]);
});

test('a node that has images keeps them as they are', async () => {
  const [a, b] = [await made('a'), await made('b')];
  const root = join(folder, 'node', 'containerd');
  await seedNode(root, [a], options());
  await seedNode(root, [a, b], options());
  expect(await wholeIn(root)).toEqual([a.reference]);
});

test('another set of images is made of the one before, and has nothing but its own', async () => {
  const [a, b, c] = [await made('a'), await made('b'), await made('c')];
  const first = await imageStore([a, b], options());
  // What the first set has needn't be read again.
  rmSync(a.archive);
  notes = [];
  const second = await imageStore([a, c], options());
  expect(notes).toEqual([`unpacking ${c.reference}`]);
  expect(await wholeIn(join(second, 'containerd'))).toEqual([a.reference, c.reference]);
  expect(await wholeIn(join(first, 'containerd'))).toEqual([a.reference, b.reference]);
  notes = [];
  expect(await imageStore([c, a], options())).toBe(second);
  expect(notes).toEqual([]);
});

test('the making of a set that was killed is begun again', async () => {
  const [a, b] = [await made('a'), await made('b')];
  // Nobody writes into the pipe: the import waits for ever.
  const stuck = { ...b, archive: join(folder, 'pipe') };
  await run(['mkfifo', stuck.archive]);
  const module = join(__dirname, '../../lab/kubernetes/image-store.ts');
  const script = `import(${JSON.stringify(module)}).then(({ imageStore }) => imageStore(
    ${JSON.stringify([a, stuck])}, { log: ${JSON.stringify(join(folder, 'log'))}, note: console.log }))`;
  const child = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // What a killed process leaves beside the cache goes with the test.
    env: { ...process.env, TMPDIR: folder },
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for await (const said of child.stdout) if (String(said).includes(b.reference)) break;
  child.kill('SIGKILL');
  await ended;
  const store = await imageStore([a, b], options());
  expect(notes).toEqual([`unpacking ${a.reference}`, `unpacking ${b.reference}`]);
  expect(await wholeIn(join(store, 'containerd'))).toEqual([a.reference, b.reference]);
});

test('each is unpacked as soon as it is there, and without one that never comes no set is made', async () => {
  const [a, b] = [await made('a'), await made('b')];
  const { promise: ready, reject } = Promise.withResolvers<void>();
  const failing = imageStore([a, { ...b, ready }], {
    ...options(),
    note: (text) => {
      if (text.includes(a.reference)) reject(new Error('b could not be built'));
    },
  });
  await expect(failing).rejects.toThrow('b could not be built');
  const other = Promise.withResolvers<void>();
  await imageStore([a, { ...b, ready: other.promise }], {
    ...options(),
    note: (text) => {
      notes.push(text);
      other.resolve();
    },
  });
  expect(notes).toEqual([`unpacking ${a.reference}`, `unpacking ${b.reference}`]);
});

test('where the cache lies on another file system, nothing is made', async () => {
  const root = '/dev/shm/plinth-store-test/containerd';
  try {
    await seedNode(root, [await made('a')], options());
    expect([notes, existsSync(root)]).toEqual([[], false]);
  } finally {
    rmSync('/dev/shm/plinth-store-test', { recursive: true, force: true });
  }
});
