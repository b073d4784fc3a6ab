import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { test } from 'node:test';
import { inputs, only, TestGateway } from './support/gateway.ts';
import { prediction, StubPredictor } from './support/predictor.ts';

test('a request id is passed on and returned; without one, or with an unfit one, it is made', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url));
  const given = await gateway.infer('delays', { headers: { 'x-request-id': 'abc-1' } });
  assert.equal(given.headers['x-request-id'], 'abc-1');
  assert.equal(predictor.received[0]?.headers['x-request-id'], 'abc-1');
  const made = await gateway.infer();
  assert.match(String(made.headers['x-request-id']), /^[0-9a-f-]{36}$/);
  assert.equal(predictor.received[1]?.headers['x-request-id'], made.headers['x-request-id']);
  const unfit = await gateway.infer('delays', { headers: { 'x-request-id': '{"a": 1}' } });
  assert.match(String(unfit.headers['x-request-id']), /^[0-9a-f-]{36}$/);
  const refused = await gateway.infer('delays', { token: null, headers: { 'x-request-id': 'abc-2' } });
  assert.equal(refused.headers['x-request-id'], 'abc-2');
});

test('traceparent and tracestate are passed on; a malformed traceparent takes the tracestate with it', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url));
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  await gateway.infer('delays', { headers: { traceparent, tracestate: 'a=1' } });
  assert.equal(predictor.received[0]?.headers['traceparent'], traceparent);
  assert.equal(predictor.received[0]?.headers['tracestate'], 'a=1');
  const zero = `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`;
  await gateway.infer('delays', { headers: { traceparent: zero, tracestate: 'a=1' } });
  assert.equal(predictor.received[1]?.headers['traceparent'], undefined);
  assert.equal(predictor.received[1]?.headers['tracestate'], undefined);
});

test('neither the token, cookies, hop-by-hop headers nor a forged team reach the predictor', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url));
  // By node:http, as undici won't send some of these.
  const client = request({
    port: gateway.gateway.dataPort,
    host: '127.0.0.1',
    method: 'POST',
    path: '/v2/models/delays/infer',
    agent: false,
    headers: {
      authorization: `Bearer ${await gateway.issuer.token()}`,
      connection: 'close, x-listed',
      'x-listed': '1',
      cookie: 'session=1',
      te: 'trailers',
      'keep-alive': 'timeout=5',
      'proxy-authorization': 'Basic YTpi',
      'x-plinth-team': 'team-b',
      'x-plinth-role': 'admin',
      'x-custom': 'kept',
      accept: 'application/json',
    },
  });
  client.end(inputs);
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  response.resume();
  const headers = predictor.received[0]?.headers ?? {};
  for (const name of [
    'x-listed',
    'x-plinth-role',
    'authorization',
    'cookie',
    'te',
    'keep-alive',
    'proxy-authorization',
  ])
    assert.equal(headers[name], undefined, name);
  assert.equal(headers['x-plinth-team'], 'team-a');
  assert.equal(headers['x-custom'], 'kept');
  assert.equal(headers['accept'], 'application/json');
  assert.equal(headers['host'], new URL(predictor.url).host);
});

test("of the predictor's headers the end-to-end ones reach the caller", async (t) => {
  const predictor = await StubPredictor.start(t, (_, response) => {
    const headers = {
      'content-type': 'application/json',
      connection: 'x-hop',
      'x-hop': '1',
      'x-model': 'm',
      'x-plinth-predictor': 'forged',
    };
    response.writeHead(200, headers).end(prediction(1));
  });
  const gateway = await TestGateway.start(t, only(predictor.url));
  const { headers } = await gateway.infer();
  assert.equal(headers['x-hop'], undefined);
  assert.equal(headers['x-model'], 'm');
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['x-plinth-predictor'], 'delays-1');
});

test("a predictor's answer sends the caller nowhere and leaves nothing with it", async (t) => {
  const elsewhere = 'http://elsewhere.example';
  const predictor = await StubPredictor.start(t, (_, response) => {
    const headers = { location: elsewhere, refresh: `0; url=${elsewhere}`, 'set-cookie': 'session=1' };
    response.writeHead(307, headers).end();
  });
  const gateway = await TestGateway.start(t, only(predictor.url));
  const { status, headers } = await gateway.infer();
  assert.equal(status, 307);
  for (const name of ['location', 'refresh', 'set-cookie']) assert.equal(headers[name], undefined, name);
});

test('connections to a predictor are kept and used again', async (t) => {
  const predictor = await StubPredictor.start(t);
  let opened = 0;
  predictor.server.on('connection', () => {
    opened += 1;
  });
  const gateway = await TestGateway.start(t, only(predictor.url));
  for (let i = 0; i < 10; i += 1) await gateway.infer();
  assert.equal(opened, 1);
});
