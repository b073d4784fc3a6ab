import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { request } from 'undici';
import { readSettings } from '../src/settings.ts';
import { inputs, only, TestGateway, until } from './support/gateway.ts';
import { answers, Gate, prediction, StubPredictor } from './support/predictor.ts';

const root = join(import.meta.dirname, '..');

test('stopping answers what has begun, takes nothing new, and says so on the admin port', async (t) => {
  const gate = new Gate();
  const predictor = await StubPredictor.start(t, gate.before(answers(1)));
  // Kept connections must not hold the end up until the time limit.
  const gateway = await TestGateway.start(t, only(predictor.url), { SHUTDOWN_SECONDS: '3600' });
  const pending = gateway.infer();
  await until('the predictor has it', () => predictor.received.length === 1);
  const { dataPort } = gateway.gateway;
  const stopped = gateway.gateway.stop();
  assert.equal((await gateway.admin('/readyz')).status, 503);
  assert.equal((await gateway.admin('/healthz')).status, 200);
  await assert.rejects(request(`http://127.0.0.1:${dataPort}/v2`));
  gate.open();
  assert.equal((await pending).text, prediction(1));
  await stopped;
});

test('the process serves, and ends by itself with 0 after SIGTERM', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url));
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: '0',
      ADMIN_PORT: '0',
      ROUTES_FOLDER: dirname(gateway.file),
      OIDC_ISSUER: gateway.issuer.url,
      OIDC_AUDIENCE: 'inference',
      TEAM_GROUP_PREFIX: '/teams/',
    },
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, data } = JSON.parse(line);
    if (msg !== 'listening') continue;
    const { statusCode, body } = await request(`http://127.0.0.1:${data}/v2/models/delays/infer`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await gateway.issuer.token()}` },
      body: inputs,
    });
    assert.equal(statusCode, 200);
    assert.equal(await body.text(), prediction(1));
    child.kill('SIGTERM');
  }
  assert.deepEqual(await ended, [0, null]);
});

test('a wrong environment is refused with every variable named', () => {
  const variables = { PORT: 'many', OIDC_ISSUER: 'sso.example.com', ROUTES_FOLDER: '', LOG_SINK_URL: '' };
  assert.throws(
    () => readSettings(variables),
    (error: Error) => {
      for (const name of ['PORT', 'OIDC_ISSUER', 'OIDC_AUDIENCE', 'ROUTES_FOLDER'])
        assert.match(error.message, new RegExp(name));
      assert.doesNotMatch(error.message, /LOG_SINK_URL/);
      return true;
    },
  );
});

test('the OpenAPI document is served on both ports and describes every path that answers', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url));
  const reply = await gateway.ask('/openapi.json', { token: null });
  assert.equal(reply.status, 200);
  assert.equal((await gateway.admin('/openapi.json')).text, reply.text);
  const { openapi, paths } = JSON.parse(reply.text);
  assert.match(openapi, /^3\.1/);
  for (const [path, operations] of Object.entries<Record<string, { servers?: unknown }>>(paths)) {
    const at = path.replace('{model}', 'delays').replace('{version}', '1');
    for (const [method, operation] of Object.entries(operations)) {
      const reply =
        operation.servers === undefined
          ? await gateway.ask(at, method === 'post' ? { method: 'POST', body: inputs } : {})
          : await gateway.admin(at);
      assert.equal(reply.status, 200, `${method} ${path}`);
    }
  }
});

test('service.json says what the process really listens to and reads', async () => {
  const service = JSON.parse(readFileSync(join(root, 'service.json'), 'utf8'));
  const required = Object.fromEntries(
    Object.entries<{ required?: boolean; example?: string }>(service.env)
      .filter(([, { required }]) => required)
      .map(([name, { example }]) => [name, example]),
  );
  const settings = readSettings(required);
  assert.equal(service.ports.http, settings.PORT);
  assert.equal(service.ports.admin, settings.ADMIN_PORT);
  for (const name of Object.keys(settings))
    assert.ok(name in service.env, `${name} is missing in service.json`);
  const all = Object.fromEntries(Object.keys(service.env).map((name) => [name, service.env[name].example]));
  assert.deepEqual(Object.keys(readSettings(all)).sort(), Object.keys(all).sort());
});

test('metrics of Node.js and of the gateway are in the text that Prometheus reads', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url));
  await gateway.infer();
  await gateway.infer('made-up-by-the-caller');
  const { text, headers } = await gateway.admin('/metrics');
  assert.match(String(headers['content-type']), /^text\/plain/);
  assert.match(
    text,
    /^plinth_gateway_requests_total\{team="team-a",model="delays",version="1",code="200"\} 1$/m,
  );
  assert.match(text, /^plinth_gateway_attempt_seconds_bucket\{le="\+Inf",model="delays",version="1"\} 1$/m);
  assert.match(text, /^process_resident_memory_bytes /m);
  assert.doesNotMatch(text, /made-up/);
});
