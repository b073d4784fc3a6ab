import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Browser } from './support/browser.ts';
import { signedIn, visit, world } from './support/start.ts';

test('who comes without a session goes by the issuer, and cookies are for this host and no script', async (t) => {
  const place = await world(t);
  const browser = new Browser(place.url);
  const first = await browser.ask('/');
  assert.equal(first.status, 303);
  const to = new URL(first.location ?? '');
  assert.equal(`${to.origin}${to.pathname}`, `${place.issuer.url}/auth`);
  assert.equal(to.searchParams.get('code_challenge_method'), 'S256');
  for (const name of ['state', 'nonce', 'code_challenge'])
    assert.ok((to.searchParams.get(name) ?? '').length > 40);
  await browser.open('/');
  const again = await browser.ask('/');
  assert.equal(again.status, 200);
  const set = String(first.headers['set-cookie']);
  assert.match(set, /^__Host-portal-sign-in=.*; Path=\/; Max-Age=600; Secure; HttpOnly; SameSite=Lax$/);
  assert.ok(browser.cookies.has('__Host-portal'));
});

test('a code counts only for the attempt that began in this browser, and once', async (t) => {
  const place = await world(t);
  const browser = new Browser(place.url);
  const away = await browser.ask('/');
  const back = (await browser.ask(away.location ?? '')).location ?? '';
  assert.equal((await new Browser(place.url).ask(back)).status, 403);
  assert.equal((await browser.ask(back.replace(/state=[^&]+/, 'state=made-up'))).status, 403);
  assert.equal((await browser.ask(back)).status, 303);
  assert.equal((await browser.ask(back)).status, 403);
});

test('a token that the issuer did not sign lets nobody in', async (t) => {
  const place = await world(t);
  place.issuer.forging = true;
  const { status, body } = await visit(place, 'scientist-a');
  assert.equal(status, 403);
  assert.match(body, /You are not signed in/);
});

test('a session is renewed once for all that a page asks, and ends when the issuer says so', async (t) => {
  const place = await world(t);
  place.issuer.seconds = 1;
  const { browser } = await signedIn(place, 'scientist-a');
  const before = place.issuer.renewals;
  place.issuer.seconds = 60;
  await Promise.all([browser.ask('/'), browser.ask('/series.json'), browser.ask('/')]);
  assert.equal(place.issuer.renewals, before + 1);
  for (const path of ['/', '/series.json', '/']) assert.equal((await browser.ask(path)).status, 200);
  assert.equal(place.issuer.renewals, before + 1);
  place.issuer.seconds = 1;
  const other = await signedIn(place, 'scientist-a');
  place.issuer.refreshable.clear();
  assert.equal((await other.browser.ask('/series.json')).status, 401);
  assert.equal((await other.browser.ask('/')).status, 303);
});

test('a browser that still has the cookie from before a renewal is given the one after it', async (t) => {
  const place = await world(t);
  place.issuer.seconds = 1;
  const { browser } = await signedIn(place, 'scientist-a');
  const before = browser.cookies.get('__Host-portal') ?? '';
  const { renewals } = place.issuer;
  place.issuer.seconds = 60;
  await browser.ask('/');
  const after = browser.cookies.get('__Host-portal');
  assert.notEqual(after, before);
  browser.cookies.set('__Host-portal', before);
  assert.equal((await browser.ask('/')).status, 200);
  assert.notEqual(browser.cookies.get('__Host-portal'), before);
  await browser.ask('/');
  assert.equal(place.issuer.renewals, renewals + 1);
});

test('without the issuer a session that was renewed lasts as long as its access token', async (t) => {
  const place = await world(t);
  place.issuer.seconds = 1;
  const { browser } = await signedIn(place, 'scientist-a');
  place.issuer.seconds = 60;
  await browser.ask('/');
  place.conditions.set('id', 'down');
  assert.equal((await browser.ask('/')).status, 200);
});

test('who is taken out of a team sees nothing of it once the short token has ended', async (t) => {
  const place = await world(t);
  place.issuer.seconds = 1;
  const { browser, page } = await signedIn(place, 'scientist-a', ['team-a', 'team-b']);
  assert.match(page.body, /fraud-of-b/);
  place.issuer.current.groups = ['team-a'];
  assert.equal((await browser.ask('/')).body.includes('fraud-of-b'), false);
});

test('a cookie that was tampered with, or is of another purpose, is no session', async (t) => {
  const place = await world(t);
  const { browser } = await signedIn(place, 'scientist-a');
  const session = browser.cookies.get('__Host-portal') ?? '';
  browser.cookies.set('__Host-portal', `${session.slice(0, -2)}AA`);
  assert.equal((await browser.ask('/')).status, 303);
  browser.cookies.set('__Host-portal', browser.cookies.get('__Host-portal-sign-in') ?? '');
  assert.equal((await browser.ask('/')).status, 303);
});

test('signing out ends the session and leads to the issuer', async (t) => {
  const place = await world(t);
  const { browser, page } = await signedIn(place, 'scientist-a');
  const { status, location } = await browser.press(page, '/sign-out');
  assert.equal(status, 303);
  assert.match(location ?? '', /\/id\/logout\?client_id=portal&post_logout_redirect_uri=/);
  assert.equal((await browser.ask('/')).status, 303);
});

test('without the issuer the page says that nobody can sign in, and comes back with it', async (t) => {
  const place = await world(t);
  place.conditions.set('id', 'down');
  const { status, body } = await visit(place, 'scientist-a');
  assert.equal(status, 503);
  assert.match(body, /Signing in is not possible right now/);
  place.conditions.set('id', 'up');
  assert.equal((await visit(place, 'scientist-a')).status, 200);
});
