import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contextOf } from '../../lab/images/content.ts';
import { buildPrograms } from '../../lab/images/programs.ts';

// The program is built first where no image was.
jest.setTimeout(60 * 60_000);

const address = 'http://127.0.0.1:29190';

const until = async (path: string): Promise<Response> => {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const answer = await fetch(`${address}${path}`).catch(() => undefined);
    if (answer?.ok) return answer;
    if (performance.now() > deadline)
      throw new Error(`${path}: not within two minutes; last: ${answer?.status ?? 'no answer'}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

describe("Prometheus' web pages", () => {
  let server: ChildProcess;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'plinth-prometheus-'));
    writeFileSync(join(folder, 'prometheus.yml'), 'global: {}\n');
    server = spawn(
      join(await buildPrograms('prometheus'), 'prometheus'),
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${new URL(address).host}`,
      ],
      // Pages that it looks for beside itself would be found in a checkout of its sources alone.
      { stdio: 'ignore', cwd: folder },
    );
    await until('/-/ready');
  });
  afterAll(async () => {
    if (server !== undefined) {
      const ended = once(server, 'exit');
      server.kill();
      await ended;
    }
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  test.each(['/query', '/alerts', '/targets'])('%s is a page with its script and its style', async (path) => {
    const html = await (await until(path)).text();
    expect(html).toContain('<div id="root">');
    const assets = [...html.matchAll(/(?:src|href)="\.?\/?(assets\/[^"]+)"/g)].map(([, file = '']) => file);
    expect(assets.map((file) => file.replace(/.*\./, '')).sort()).toEqual(
      expect.arrayContaining(['css', 'js']),
    );
    for (const file of assets) {
      const answer = await until(`/${file}`);
      expect([file, answer.headers.get('content-type')]).toEqual([
        file,
        expect.stringMatching(file.endsWith('.js') ? /javascript/ : /./),
      ]);
    }
  });

  test('bring the licences of what they are made of', async () => {
    expect(await (await until('/assets/third-party-licenses.txt')).text()).toMatch(/react/i);
  });
});

test('the packages that the pages are made of are pinned, without an address', () => {
  const file = (name: string): string => readFileSync(join(contextOf('prometheus'), 'pages', name), 'utf8');
  const { dependencies } = JSON.parse(file('package.json')) as { dependencies: Record<string, string> };
  for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  const lock = JSON.parse(file('package-lock.json')) as {
    packages: Record<string, { integrity?: string; resolved?: string }>;
  };
  for (const [path, { integrity, resolved }] of Object.entries(lock.packages))
    if (path !== '') expect([path, integrity, resolved]).toEqual([path, expect.any(String), undefined]);
});
