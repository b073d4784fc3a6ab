import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import local from '../../environments/local.ts';
import { pulumiToolchain } from '../../lab/pulumi/build.ts';
import { run } from '../../lab/support/exec.ts';
import { labStack } from '../../lab/up.ts';
import { holdsAlone } from '../alone.ts';
import { asIs } from './owner.ts';
import { checkout, client, endpoint, eventually, kubectl, labFile, secretValue } from './support.ts';

jest.setTimeout(20 * 60_000);

holdsAlone('mlflow');

const folder = mkdtempSync(join(tmpdir(), 'plinth-rotation-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pulumi = async (...args: readonly string[]): Promise<string> =>
  labStack(checkout, await pulumiToolchain(), kubectl).pulumi(args);

/** Applies the local environment with these generations, as `make up` does. */
const applyWith = async (generations: Readonly<Record<string, number>>): Promise<void> => {
  const file = labFile('rotation.mjs');
  writeFileSync(file, `export default ${JSON.stringify({ ...local, generations })};\n`);
  await pulumi('config', 'set', 'plinth:environmentFile', file);
  await run([process.execPath, 'lab/cli.ts', 'up'], { cwd: checkout, timeoutMs: 15 * 60_000 });
};

const login = async (url: string): Promise<string> => {
  // From the database's own pod, which its policy lets no other pod do on its behalf.
  const args = ['exec', '-i', '-n', 'data', 'postgres-0', '--', 'psql', '-Atqc', 'SELECT 1', '-d'];
  try {
    return (await kubectl([...args, url.replace('postgres.data.svc.cluster.local', '127.0.0.1')])).trim();
  } catch {
    return 'refused';
  }
};

const s3 = async (key: { id: string; secret: string }): Promise<unknown> => {
  const env = { S3_URL: endpoint('s3').url, AWS_ACCESS_KEY_ID: key.id, AWS_SECRET_ACCESS_KEY: key.secret };
  return (
    JSON.parse(await client('s3_access.py', ['put', 'mlflow', 'rotation.txt'], env)) as { answer: unknown }
  ).answer;
};

const bucketKey = async () => ({
  id: await secretValue('mlflow', 'mlflow-bucket-mlflow', 'accessKeyId'),
  secret: await secretValue('mlflow', 'mlflow-bucket-mlflow', 'secretAccessKey'),
});

// A lab that stays would have to go on with what was rotated: a generation can't be taken back.
(asIs() ? describe.skip : describe)('generations', () => {
  test('a rotated login and key replace the old ones while a client logs without an error', async () => {
    const before = { url: await secretValue('mlflow', 'mlflow-database', 'url'), key: await bucketKey() };
    const stop = join(folder, 'stop');
    const logging = client('log_until.py', ['rotation', stop]);
    try {
      await applyWith({ 'mlflow/database': 2, 'mlflow/bucket': 2 });
    } finally {
      writeFileSync(stop, '');
    }
    const { runs } = JSON.parse(await logging) as { runs: number };
    expect(runs).toBeGreaterThan(1);
    const after = { url: await secretValue('mlflow', 'mlflow-database', 'url'), key: await bucketKey() };
    expect(after.url).toContain('mlflow_g2');
    expect(await login(after.url)).toBe('1');
    expect(await login(before.url)).toBe('refused');
    expect(await s3(after.key)).toBe('written');
    await eventually(
      'the old key is refused',
      () => s3(before.key),
      (answer) => answer !== 'written',
    );
  });
});
