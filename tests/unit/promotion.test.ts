import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MlflowInstance } from '../../platform/promotion/instance.ts';
import { digestOf } from '../../platform/promotion/lineage.ts';
import { type Promotion, type PromotionOptions, promote } from '../../platform/promotion/promote.ts';
import { FakeMlflow } from '../support/mlflow.ts';

const known = {
  'mlflow.source.git.commit': 'c0ffee',
  'plinth.git.dirty': 'false',
  'plinth.data.version': 'clean@7',
};
const files = { MLmodel: 'flavors: {}\n', 'data/model.skops': 'trees' };

let source: FakeMlflow;
let target: FakeMlflow;
let said: string[];
beforeEach(async () => {
  source = await new FakeMlflow().start();
  target = await new FakeMlflow().start();
  said = [];
});
afterEach(async () => {
  await source.stop();
  await target.stop();
});

const promoted = (more: Partial<PromotionOptions> = {}): Promise<Promotion> =>
  promote({
    model: 'delays',
    version: '1',
    from: new MlflowInstance({ url: source.url }),
    to: new MlflowInstance({ url: target.url }),
    dryRun: false,
    say: (line) => said.push(line),
    ...more,
  });

const tagsOf = (instance: FakeMlflow, version: string) =>
  Object.fromEntries(
    (instance.versions.find((each) => each.version === version)?.tags ?? []).map(({ key, value }) => [
      key,
      value,
    ]),
  );

test('a version arrives with the same bytes, and says which run, code and data it comes from', async () => {
  source.add('delays', files, known);
  const { version, digest, created } = await promoted({ alias: 'champion' });
  expect([version, created]).toEqual(['1', true]);
  expect(target.filesOf('1')).toEqual(files);
  const run = source.versions[0]?.run_id;
  expect(tagsOf(target, '1')).toEqual({
    'plinth.promoted.source': `delays version 1 of ${source.url}`,
    'plinth.promoted.run': run,
    'mlflow.source.git.commit': 'c0ffee',
    'plinth.data.version': 'clean@7',
    'plinth.digest': digest,
  });
  expect(target.aliases).toEqual(new Map([['champion', '1']]));
});

test('its run goes along: parameters, metrics and the baseline that drift is measured by', async () => {
  source.add('delays', files, known);
  await promoted();
  const [run] = target.runs.values();
  expect(run?.info.status).toBe('FINISHED');
  expect(run?.data.params).toEqual([{ key: 'depth', value: '7' }]);
  expect(run?.data.metrics).toEqual([expect.objectContaining({ key: 'accuracy', value: 0.875 })]);
  expect(String(target.files.get(`runs/${run?.info.run_id}/plinth/baseline.json`))).toBe('{"rows": 7}');
});

test('what a version lacks is told at once, and nothing is changed', async () => {
  source.add('delays', files, { 'plinth.git.dirty': 'true' });
  await expect(promoted()).rejects.toThrow(
    /lacks\n.*git revision.*\n.*code that is committed.*\n.*data version/,
  );
  expect(target.changes).toEqual([]);
});

test('a second time changes nothing', async () => {
  source.add('delays', files, known);
  await promoted();
  const before = target.changes.length;
  expect(await promoted()).toMatchObject({ version: '1', created: false });
  expect(target.changes).toHaveLength(before);
});

test('a dry run reads and checks alone', async () => {
  source.add('delays', files, known);
  expect(await promoted({ dryRun: true, alias: 'champion' })).toMatchObject({
    version: undefined,
    created: false,
  });
  expect(target.changes).toEqual([]);
});

test('bytes that were changed on the way leave a failed run and no version', async () => {
  source.add('delays', files, known);
  target.store = (content, path) => (path.endsWith('.skops') ? Buffer.from('bees') : content);
  await expect(promoted({ alias: 'champion' })).rejects.toThrow(/gives back other bytes/);
  expect(target.versions).toEqual([]);
  expect(target.aliases.size).toBe(0);
  expect([...target.runs.values()].map(({ info }) => info.status)).toEqual(['FAILED']);
});

test('onwards it goes with its first run, unless its files were changed since', async () => {
  source.add('delays', files, known);
  await promoted();
  const production = await new FakeMlflow().start();
  try {
    const onwards = {
      from: new MlflowInstance({ url: target.url }),
      to: new MlflowInstance({ url: production.url }),
    };
    expect((await promoted(onwards)).lineage.run).toBe(source.versions[0]?.run_id);
    const [model] = [...target.files.keys()].filter((path) => path.endsWith('MLmodel'));
    target.files.set(model ?? '', Buffer.from('flavors: {evil: 1}\n'));
    await expect(promoted(onwards)).rejects.toThrow(/isn't what was promoted to it/);
  } finally {
    await production.stop();
  }
});

test('a refusal names the server and what it said; temporary files are gone', async () => {
  const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('plinth-promote-'));
  const before = left();
  source.add('delays', files, known);
  target.token = 'another';
  await expect(promoted()).rejects.toThrow(`${target.url} answers GET`);
  await expect(promoted({ version: '9' })).rejects.toThrow(/no version 9/);
  expect(left()).toEqual(before);
});

test('a server that lists a path above its folder is not followed', async () => {
  source.add('delays', { ...files, '../../escaped': 'x' }, known);
  await expect(promoted()).rejects.toThrow(/lists an artifact named "\.\."/);
});

test('the digest is what sha256sum says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-digest-'));
  try {
    mkdirSync(join(folder, 'data'));
    writeFileSync(join(folder, 'MLmodel'), 'a');
    writeFileSync(join(folder, 'data/b'), 'b');
    writeFileSync(join(folder, 'data-a'), 'c');
    const sum = execFileSync(
      'bash',
      ['-c', "find -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(await digestOf(folder, ['data/b', 'MLmodel', 'data-a'])).toBe(`sha256:${sum.split(' ')[0]}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
