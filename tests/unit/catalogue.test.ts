import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endOfLifeReport } from '../../constructs/catalogue/end-of-life.ts';
import {
  type Catalogue,
  catalogue,
  catalogueProblems,
  type ImageEntry,
  image,
  imageNames,
  reference,
} from '../../constructs/catalogue/index.ts';
import { isForbiddenInProduction } from '../../constructs/catalogue/licences.ts';
import { contentOf, contextOf, hashOf } from '../../lab/images/content.ts';

const entry: ImageEntry = {
  repository: 'plinth/thing',
  version: '1.2.3',
  content: 'ab12cd34',
  digest: null,
  licence: 'Apache-2.0',
  endOfLife: '2027-06-30',
  source: 'made up',
};
const only = (change: Partial<ImageEntry>): Catalogue => ({
  asOf: '2026-11-28',
  images: { thing: { ...entry, ...change } },
});
const problems = (change: Partial<ImageEntry>, reason?: string): readonly string[] =>
  catalogueProblems({
    catalogue: only(change),
    exceptions: reason === undefined ? [] : [{ image: 'thing', reason }],
  });

describe('the committed catalogue', () => {
  test.each(imageNames)('%s: the recorded content is that of images/', (name) => {
    // Otherwise: `make catalogue`.
    expect(catalogue.images[name]?.content).toBe(contentOf(name));
  });

  test('has nothing that an environment would have to except', () => {
    expect(catalogueProblems()).toEqual([]);
  });

  test('is complete and dated', () => {
    for (const [name, { repository, version, content, licence, endOfLife, source, digest }] of Object.entries(
      catalogue.images,
    )) {
      expect(repository).toBe(`plinth/${name}`);
      expect(version).toMatch(/^\d/);
      expect(content).toMatch(/^[0-9a-f]{8}$/);
      expect(licence).toMatch(/^[A-Za-z0-9.-]+$/);
      expect(endOfLife ?? '2999-01-01').toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(source).not.toBe('');
      expect(digest ?? `sha256:${'0'.repeat(64)}`).toMatch(/^sha256:[0-9a-f]{64}$/);
    }
    expect(catalogue.asOf).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });

  test.each(['mlflow', 'model-server', 'seaweedfs', 'traefik'] as const)(
    '%s: the version is what requirements.in asks for',
    (name) => {
      const wanted = readFileSync(join(contextOf(name), 'requirements.in'), 'utf8');
      expect(wanted.split('\n')).toContainEqual(
        expect.stringMatching(new RegExp(`^[a-z-]+==${image(name).version}$`)),
      );
    },
  );

  test.each(['airflow', 'notebook'] as const)(
    "%s: the client of Spark Connect is of the servers' release",
    (name) => {
      const wanted = readFileSync(join(contextOf(name), 'spark-client.txt'), 'utf8');
      expect(wanted).toContain(`\npyspark-client==${image('spark').version} `);
    },
  );
});

test('a reference names repository, version and content, never a moving tag', () => {
  const { version, content } = catalogue.images['mlflow'] ?? entry;
  expect(reference(image('mlflow'))).toBe(`localhost/plinth/mlflow:${version}-${content}`);
  expect(reference(image('mlflow'), 'registry.example.com/team')).toBe(
    `registry.example.com/team/plinth/mlflow:${version}-${content}`,
  );
});

test('an image that is pulled as published is named where its project publishes it, for every environment', () => {
  const published = 'docker.io/seldonio/seldon-core-operator:1.17.1';
  expect(reference(image('seldon-operator'))).toBe(published);
  expect(reference(image('seldon-operator'), 'registry.example.com/team')).toBe(published);
  for (const { version, licence, source } of Object.values(catalogue.published ?? {})) {
    expect(version).toMatch(/^\d/);
    expect(licence).toMatch(/^[A-Za-z0-9.-]+$/);
    expect(source).not.toBe('');
  }
});

describe('what keeps an image out', () => {
  test.each([
    ['a moving version', { version: 'latest' }, /version must name one release, got 'latest'/],
    ['a licence that forbids production use', { licence: 'BUSL-1.1' }, /licence BUSL-1.1 forbids production/],
    [
      'a passed end of life',
      { endOfLife: '2026-11-27' },
      /end of life on 2026-11-27 \(compared with 2026-11-28\)/,
    ],
  ])('%s, unless the environment excepts it with a reason', (_, change, message) => {
    expect(problems(change)).toEqual([expect.stringMatching(message)]);
    expect(problems(change, 'replaced by spring')).toEqual([]);
  });

  test('the last day itself is still supported, and no date means no end', () => {
    expect(problems({ endOfLife: '2026-11-28' })).toEqual([]);
    expect(problems({ endOfLife: null })).toEqual([]);
  });

  test('an empty reason excepts nothing and is a problem of its own', () => {
    expect(problems({ version: 'latest' }, ' ')).toEqual([
      expect.stringMatching(/the reason is empty/),
      expect.stringMatching(/got 'latest'/),
    ]);
  });

  test('an exception for an unknown image names what there is', () => {
    expect(
      catalogueProblems({ catalogue: only({}), exceptions: [{ image: 'redis', reason: 'liked' }] }),
    ).toEqual(["image exception 'redis': no such image; the catalogue has thing"]);
  });

  test('every problem is reported at once', () => {
    expect(problems({ version: 'latest', licence: 'SSPL-1.0', endOfLife: '2020-01-01' })).toHaveLength(3);
  });
});

test.each([
  ['Apache-2.0', false],
  ['MIT', false],
  ['AGPL-3.0-only', false],
  ['BSL-1.0', false],
  ['BSL-1.1', true],
  ['BUSL-1.1', true],
  ['SSPL-1.0', true],
  ['Elastic-2.0', true],
  ['ELv2', true],
  ['MIT OR BUSL-1.1', false],
  ['MIT AND SSPL-1.0', true],
  ['LicenseRef-Unread', true],
  ['', true],
])('licence %p forbids production use: %p', (licence, forbidden) => {
  expect(isForbiddenInProduction(licence)).toBe(forbidden);
});

describe('end of life against the clock', () => {
  const report = (today: string, exceptions = {}): ReturnType<typeof endOfLifeReport> =>
    endOfLifeReport(today, { production: [], ...exceptions }, only({}));

  test('silent until 30 days before, then a warning, then a failure', () => {
    expect(report('2027-05-31')).toEqual({ failures: [], warnings: [] });
    expect(report('2027-06-01').warnings).toEqual([expect.stringMatching(/^production: soon: image thing/)]);
    expect(report('2027-06-30').failures).toEqual([]);
    expect(report('2027-07-01')).toEqual({
      failures: [expect.stringMatching(/^production: image thing/)],
      warnings: [],
    });
  });

  test("an environment's exception silences both", () => {
    const production = [{ image: 'thing', reason: 'replaced by autumn' }];
    expect(report('2027-06-15', { production })).toEqual({ failures: [], warnings: [] });
    expect(report('2027-08-01', { production })).toEqual({ failures: [], warnings: [] });
  });
});

describe('the content hash', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'plinth-content-'));
    cpSync(contextOf('postgres'), folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('sees a changed byte, a renamed file and another base', () => {
    const before = hashOf(folder);
    writeFileSync(join(folder, 'entrypoint.sh'), '#!/bin/sh\n');
    const changed = hashOf(folder);
    execFileSync('mv', [join(folder, 'entrypoint.sh'), join(folder, 'start.sh')]);
    expect(new Set([before, changed, hashOf(folder), hashOf(folder, 'another base')]).size).toBe(4);
  });

  test('sees neither line endings nor what caches and editors leave', () => {
    const before = hashOf(folder);
    const file = join(folder, 'pg_hba.conf');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('\n', '\r\n'));
    cpSync(file, join(folder, 'pg_hba.conf~'));
    cpSync(file, join(folder, '__pycache__', 'x.pyc'));
    expect(hashOf(folder)).toBe(before);
  });
});

test("a Node.js that an image's build brings along is the catalogue's", () => {
  const folder = join(import.meta.dirname, '../../images');
  const brought = readdirSync(folder).flatMap((name) => {
    const path = join(folder, name, 'Containerfile');
    return existsSync(path) ? (readFileSync(path, 'utf8').match(/\bnode@\S+/g) ?? []) : [];
  });
  expect(brought.length).toBeGreaterThan(0);
  expect(new Set(brought)).toEqual(new Set([`node@${catalogue.images['node']?.version}`]));
});
