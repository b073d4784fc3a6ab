import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT, UnsecuredJWT } from 'jose';
import { Issuer } from '../src/auth/issuer.ts';
import { type Keys, Tokens } from '../src/auth/tokens.ts';
import { only, TestGateway } from './support/gateway.ts';
import { TestIssuer } from './support/issuer.ts';
import { StubPredictor } from './support/predictor.ts';

test('a request without a token gets 401 and a challenge, and no predictor sees it', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url));
  const reply = await gateway.infer('delays', { token: null });
  assert.equal(reply.status, 401);
  assert.match(String(reply.headers['www-authenticate']), /^Bearer/);
  assert.equal(predictor.received.length, 0);
  assert.equal(await gateway.metric('refused_tokens_total', { reason: 'missing' }), 1);
});

test('the team of the groups claim decides: own model 200, another team 403, unknown model 404', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url));
  assert.equal((await gateway.infer()).status, 200);
  for (const groups of [
    ['/teams/team-b'],
    ['team-a-not'],
    ['/other/team-a'],
    ['/teams/'],
    [],
    'team-a',
    null,
  ])
    assert.equal(
      (await gateway.infer('delays', { token: await gateway.issuer.token({ groups }) })).status,
      403,
      `groups ${JSON.stringify(groups)}`,
    );
  assert.equal((await gateway.infer('unknown')).status, 404);
  assert.equal(predictor.received.length, 1);
});

test('tokens of another audience, issuer or key, unsigned or signed with the public key, get 401', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url));
  const { issuer } = gateway;
  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const claims = { groups: ['/teams/team-a'], sub: 'x', iss: issuer.url, aud: 'inference' };
  const signed = (alg: string, key: Parameters<SignJWT['sign']>[0]) =>
    new SignJWT(claims).setProtectedHeader({ alg, kid: 'first' }).setExpirationTime('5m').sign(key);
  const good = await issuer.token();
  const bad = {
    audience: await issuer.token({ audience: 'another' }),
    issuer: await issuer.token({ issuer: 'https://elsewhere.example' }),
    'foreign key': await signed('ES256', foreign),
    'public key as secret': await signed('HS256', Buffer.from(JSON.stringify(issuer.keys[0]?.jwk))),
    unsigned: new UnsecuredJWT(claims).setExpirationTime('5m').encode(),
    'cut off': good.slice(0, -4),
    'not a token': 'abc',
  };
  for (const [what, token] of Object.entries(bad))
    assert.equal((await gateway.infer('delays', { token })).status, 401, what);
  const basic = await gateway.infer('delays', { token: null, headers: { authorization: 'Basic YTpi' } });
  assert.equal(basic.status, 401);
  assert.equal(predictor.received.length, 0);
});

test('an expired token gets 401, except within the clock skew', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url), { CLOCK_SKEW_SECONDS: '600' });
  const { issuer } = gateway;
  assert.equal((await gateway.infer('delays', { token: await issuer.token({ expires: -60 }) })).status, 200);
  const expired = await gateway.infer('delays', { token: await issuer.token({ expires: -900 }) });
  assert.equal(expired.status, 401);
  assert.match(String(expired.headers['www-authenticate']), /expired/);
});

test('a verified token is not verified again, but ends with its exp claim all the same', async (t) => {
  const server = await TestIssuer.start(t);
  const issuer = new Issuer({ url: server.url });
  await issuer.refresh();
  let verified = 0;
  const counted: Keys = {
    url: issuer.url,
    get ready() {
      return issuer.ready;
    },
    get generation() {
      return issuer.generation;
    },
    key: (header, token) => {
      verified += 1;
      return issuer.key(header, token);
    },
  };
  let now = Date.now();
  const rules = {
    audience: 'inference',
    groupsClaim: 'groups',
    groupPrefix: '/teams/',
    clockSkewSeconds: 30,
  };
  const tokens = new Tokens(counted, rules, () => now);
  const authorization = `Bearer ${await server.token({ expires: 300 })}`;
  for (let i = 0; i < 5; i += 1) assert.equal(typeof (await tokens.caller(authorization)), 'object');
  assert.equal(verified, 1);
  now += 320_000;
  assert.equal(typeof (await tokens.caller(authorization)), 'object', 'within the clock skew');
  now += 20_000;
  assert.equal(await tokens.caller(authorization), 'expired');
  now -= 340_000;
  await issuer.refresh();
  assert.equal(typeof (await tokens.caller(authorization)), 'object');
  assert.equal(verified, 3, 'new keys ask for a new check');
});

test('a new signing key is fetched when a token names it; a withdrawn one is no longer accepted', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url), {}, { cooldownMs: 0 });
  const { issuer } = gateway;
  const old = await issuer.token();
  const [first] = issuer.keys;
  await issuer.addKey('second');
  assert.equal((await gateway.infer('delays', { token: await issuer.token() })).status, 200);
  assert.equal((await gateway.infer('delays', { token: old })).status, 200);
  issuer.keys = issuer.keys.filter((key) => key !== first);
  await gateway.gateway.issuer.refresh();
  assert.equal((await gateway.infer('delays', { token: old })).status, 401);
});

test('keys are cached: many requests and forged key ids ask the issuer once within the cooldown', async (t) => {
  const predictor = await StubPredictor.start(t);
  let now = 0;
  const gateway = await TestGateway.start(t, only(predictor.url), {}, { cooldownMs: 1000, now: () => now });
  const { issuer } = gateway;
  for (let i = 0; i < 20; i += 1) assert.equal((await gateway.infer()).status, 200);
  const [first] = issuer.keys;
  assert.ok(first);
  const forged = await issuer.token({}, { ...first, kid: 'forged' });
  for (let i = 0; i < 5; i += 1) assert.equal((await gateway.infer('delays', { token: forged })).status, 401);
  assert.equal(issuer.fetches, 1);
  now += 1000;
  for (let i = 0; i < 5; i += 1) assert.equal((await gateway.infer('delays', { token: forged })).status, 401);
  assert.equal(issuer.fetches, 2);
});

test('with the issuer down the cached keys go on, also after a failed refresh', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url), {}, { cooldownMs: 0 });
  const token = await gateway.issuer.token();
  gateway.issuer.failing = true;
  await gateway.gateway.issuer.refresh();
  assert.equal(await gateway.metric('key_fetches_total', { result: 'failed' }), 1);
  assert.equal((await gateway.infer('delays', { token })).status, 200);
  assert.equal((await gateway.admin('/readyz')).status, 200);
});

test('before the first keys the gateway is not ready and answers 503, not 401', async (t) => {
  const predictor = await StubPredictor.start(t);
  const gateway = await TestGateway.start(t, only(predictor.url), { OIDC_ISSUER: 'http://127.0.0.1:9/none' });
  assert.equal((await gateway.admin('/readyz')).status, 503);
  assert.equal((await gateway.admin('/healthz')).status, 200);
  assert.equal((await gateway.infer()).status, 503);
});
