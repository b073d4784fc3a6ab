import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPrograms } from '../../lab/images/programs.ts';
import { run } from '../../lab/support/exec.ts';
import { manifestsOf } from '../support/manifests.ts';
import { fileOf, type Manifest, monitored } from '../support/monitoring.ts';

// The programs are built first where no image was.
jest.setTimeout(60 * 60_000);

const cases = join(import.meta.dirname, '../rules');

/** One test is about jobs that it doesn't name: all that must have a target, whatever the platform runs by then. */
const withJobs = (test: string, rules: string): string => {
  const jobs = [...rules.matchAll(/absent\(up\{job="([^"]+)"\}\)/g)].map(([, job = '']) => job);
  const others = jobs.filter((job) => job !== 'mlflow');
  const series = others.map(
    (job) => `      - { series: 'up{job="${job}",instance="${job}"}', values: "1x60" }\n`,
  );
  return test.replaceAll('      # every other job is up\n', series.join(''));
};

describe("what Prometheus' own tools say of", () => {
  const manifests = manifestsOf<Manifest>(
    monitored({
      monitoring: {
        kind: 'on',
        nodeCidr: '10.204.0.0/24',
        receivers: [
          { name: 'chat', secret: 'chat', cidr: '192.0.2.1/32' },
          { name: 'switch', secret: 'switch', cidr: '192.0.2.2/32', alerts: 'watchdog' },
        ],
      },
    }),
  );
  let folder: string;
  let promtool: string;
  beforeAll(async () => {
    promtool = join(await buildPrograms('prometheus'), 'promtool');
    folder = mkdtempSync(join(tmpdir(), 'plinth-rules-'));
    for (const name of ['prometheus.yml', 'rules.yml', 'alertmanager.yml'])
      writeFileSync(join(folder, name), fileOf(manifests, name));
    cpSync(cases, folder, { recursive: true });
    const missing = join(folder, 'TargetMissing.yaml');
    writeFileSync(missing, withJobs(readFileSync(missing, 'utf8'), fileOf(manifests, 'rules.yml')));
  });
  afterAll(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  test('the configuration', async () => {
    // The files of a ServiceAccount are only in a pod.
    const checked = await run([promtool, 'check', 'config', '--syntax-only', 'prometheus.yml'], {
      cwd: folder,
    });
    expect(checked).toContain('is valid prometheus config file syntax');
  });

  test('the rules', async () => {
    const checked = await run([promtool, 'check', 'rules', '--lint=all', '--lint-fatal', 'rules.yml'], {
      cwd: folder,
    });
    expect(checked).toMatch(/SUCCESS: \d+ rules found/);
  });

  test.each(readdirSync(cases))('%s', async (file) => {
    const tested = await run([promtool, 'test', 'rules', file], { cwd: folder });
    expect(tested).toContain('SUCCESS');
  });

  test("Alertmanager's configuration", async () => {
    const amtool = join(await buildPrograms('alertmanager'), 'amtool');
    const checked = await run([amtool, 'check-config', 'alertmanager.yml'], { cwd: folder });
    expect(checked).toMatch(/SUCCESS[\s\S]*3 receivers/);
    const routed = async (...labels: readonly string[]): Promise<string> =>
      (
        await run([amtool, 'config', 'routes', 'test', '--config.file=alertmanager.yml', ...labels], {
          cwd: folder,
        })
      ).trim();
    expect(await routed('alertname=TargetDown', 'severity=critical')).toBe('chat');
    expect(await routed('alertname=Watchdog', 'severity=warning')).toBe('switch');
  });
});
