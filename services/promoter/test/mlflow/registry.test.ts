// Needs MLflow's server on PATH: tests/images runs it in the image of the platform's own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { MlflowRegistry } from '../../src/registry/mlflow.ts';
import { verified } from '../../src/web/signature.ts';

const secret = 'a-secret-that-only-the-registry-has';

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

test('a real registry is read, written and listened to', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'promoter-mlflow-'));
  const port = await freePort();
  const store = `sqlite:///${join(folder, 'mlflow.db')}`;
  const server = spawn(
    'mlflow',
    ['server', '--port', String(port), '--workers', '1', '--backend-store-uri', store],
    {
      cwd: folder,
      stdio: 'ignore',
      detached: true,
      env: {
        ...process.env,
        ...{ MLFLOW_ENABLE_WORKSPACES: 'true', MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' },
        ...{ MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS: 'true', MLFLOW_WEBHOOK_ALLOWED_SCHEMES: 'http' },
        MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY: `${'A'.repeat(43)}=`,
      },
    },
  );
  const came: { readonly headers: IncomingHttpHeaders; readonly body: Buffer }[] = [];
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      came.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => receiver.once('listening', resolve));
  try {
    const url = `http://127.0.0.1:${port}`;
    const call = async (method: string, path: string, body?: object): Promise<void> => {
      const answer = await fetch(`${url}/api/${path}`, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(path.endsWith('workspaces') ? {} : { 'x-mlflow-workspace': 'team-a' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    };
    const deadline = performance.now() + 180_000;
    for (;;) {
      const healthy = await fetch(`${url}/health`).catch(() => undefined);
      if (healthy?.ok) break;
      if (performance.now() > deadline) throw new Error('MLflow does not start');
      await pause(250);
    }
    await call('POST', '3.0/mlflow/workspaces', { name: 'team-a' });
    const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/webhooks/mlflow`;
    const registryWith = (webhook: string) =>
      new MlflowRegistry({ url, alias: 'champion', tokens: undefined, webhook: { url: webhook, secret } });
    // Registered with another address before: the next start of the service mends it.
    await registryWith(`${hook}/before`).subscribe('team-a');
    const registry = registryWith(hook);
    await registry.subscribe('team-a');
    await call('POST', '2.0/mlflow/registered-models/create', { name: 'delays' });
    await call('POST', '2.0/mlflow/model-versions/create', { name: 'delays', source: 's3://bucket/model' });
    assert.deepEqual(await registry.models('team-a'), [{ name: 'delays', champion: undefined }]);
    await call('POST', '2.0/mlflow/registered-models/alias', {
      name: 'delays',
      alias: 'champion',
      version: '1',
    });
    assert.deepEqual(await registry.model('team-a', 'delays'), { name: 'delays', champion: '1' });
    assert.equal(await registry.model('team-a', 'nothing'), undefined);
    assert.deepEqual(await registry.tags('team-a', 'delays'), {});
    const dag = { key: 'plinth.retrain.dag', value: 'team-a.delays' };
    await call('POST', '2.0/mlflow/registered-models/set-tag', { name: 'delays', ...dag });
    assert.deepEqual(await registry.tags('team-a', 'delays'), { [dag.key]: dag.value });
    assert.equal(await registry.tags('team-a', 'nothing'), undefined);
    assert.deepEqual(await registry.version('team-a', 'delays', '1'), {
      ...{ runId: null, source: 's3://bucket/model', ready: true },
    });
    assert.equal(await registry.version('team-a', 'delays', '7'), undefined);
    assert.equal(await registry.tag('team-a', 'delays', '1', { 'plinth.rollout': 'promoted' }), true);
    assert.equal(await registry.tag('team-a', 'delays', '7', { 'plinth.rollout': 'promoted' }), false);
    while (came.length === 0 && performance.now() < deadline) await pause(100);
    const [delivery] = came;
    assert.ok(delivery);
    assert.equal(typeof verified(delivery.headers, delivery.body, secret, Date.now()), 'object');
    const { entity, action, workspace, data } = JSON.parse(delivery.body.toString('utf8')) as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      { entity, action, workspace, data },
      {
        ...{ entity: 'model_version_alias', action: 'created', workspace: 'team-a' },
        data: { name: 'delays', alias: 'champion', version: '1' },
      },
    );
  } finally {
    // Its workers are in its group.
    if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM');
    receiver.closeAllConnections();
    receiver.close();
    // It may still be writing.
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  }
});
