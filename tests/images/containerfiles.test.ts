import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { image, imageNames } from '../../constructs/catalogue/index.ts';
import { baseOf, contextOf, isBase } from '../../lab/images/content.ts';

const read = (name: string, file: string): string => readFileSync(join(contextOf(name), file), 'utf8');
const withRequirements = imageNames.filter((name) => existsSync(join(contextOf(name), 'requirements.in')));

describe.each(imageNames)('images/%s/Containerfile', (name) => {
  const lines = read(name, 'Containerfile').split('\n');
  const code = lines.filter((line) => !line.trimStart().startsWith('#')).join('\n');

  test('builds on a base that the builder chooses, on a public one by default', () => {
    const base = baseOf[name];
    if (base === null) expect(code).toMatch(/^FROM scratch$/m);
    else if (!isBase(base))
      expect(code).toContain(`ARG BASE=localhost/plinth/${base}:${image(base).version}\nFROM`);
    else expect(code).toMatch(/^ARG BASE=docker\.io\/library\/[a-z]+:[a-z0-9.-]+\nFROM \$\{BASE\}/);
  });

  test('names no moving tag', () => {
    const sources = [...code.matchAll(/^(?:FROM|ARG BASE=)\s*(\S+)/gm)].map((found) => found[1] ?? '');
    for (const source of sources)
      expect(source).toMatch(/^(scratch|\$\{BASE\}|\S+:\d\S*|\S+:bookworm-slim)$/);
    expect(code).not.toMatch(/latest/i);
  });

  test('downloads nothing by address', () => {
    expect(code).not.toMatch(/https?:\/\/|\bcurl\b|\bwget\b|\bgit clone\b/);
  });

  test('ends as a numeric user other than root, which Kubernetes can check', () => {
    const users = [...code.matchAll(/^USER (.*)$/gm)].map((found) => found[1]);
    if (!isBase(name)) expect(users.at(-1)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });
});

describe.each(withRequirements)('images/%s/requirements.txt', (name) => {
  const text = read(name, 'requirements.txt');
  const pinned = text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));

  test('pins every package with hashes', () => {
    expect(pinned.length).toBeGreaterThan(0);
    for (const line of pinned)
      expect(line).toMatch(/^[a-z0-9._-]+(\[[a-z,]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}/);
  });

  test('names no address, index or local path', () => {
    expect(text).not.toMatch(/:\/\/|--(extra-)?index-url|--find-links|--trusted-host|@ file:/);
  });

  test('holds what requirements.in asks for', () => {
    // Extras ask for more packages, which are pinned by themselves.
    const bare = (line: string): string => line.replace(/\[[a-z,]+\]/, '');
    const wanted = read(name, 'requirements.in')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => (line.includes('==') ? `${bare(line)} ` : `${bare(line)}==`));
    const missing = wanted.filter((start) => !pinned.some((line) => bare(line).startsWith(start)));
    expect(missing).toEqual([]);
  });
});
