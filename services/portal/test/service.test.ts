import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePlatform } from '../src/platform.ts';
import { readSettings } from '../src/settings.ts';
import { Browser } from './support/browser.ts';
import { signedIn, world } from './support/start.ts';

const file = async (name: string): Promise<string> => readFile(join(import.meta.dirname, '..', name), 'utf8');

test('health, metrics and the description are there, the first two on their own port', async (t) => {
  const place = await world(t);
  await signedIn(place, 'scientist-a');
  const admin = new Browser(`http://127.0.0.1:${place.portal?.ports.admin}`);
  assert.equal((await admin.ask('/healthz')).status, 200);
  assert.equal((await admin.ask('/readyz')).status, 200);
  const metrics = (await admin.ask('/metrics')).body;
  assert.match(metrics, /plinth_portal_render_seconds_count 1/);
  assert.match(metrics, /plinth_portal_upstream_seconds_count\{upstream="MLflow",result="answered"\} 1/);
  const outside = new Browser(place.url);
  assert.equal((await outside.ask('/metrics')).status, 404);
  assert.equal((await outside.ask('/healthz')).status, 200);
  assert.equal((await outside.ask('/openapi.json')).status, 200);
});

test('the description names every path and the environment every variable', async () => {
  const { paths } = JSON.parse(await file('openapi.json')) as { paths: Record<string, object> };
  const source = `${await file('src/web/actions.ts')}${await file('src/web/pages.ts')}`;
  for (const path of Object.keys(paths))
    assert.ok(source.includes(`'${path.replaceAll(/\{(\w+)\}/g, ':$1')}'`), path);
  const { env } = JSON.parse(await file('service.json')) as { env: Record<string, object> };
  const read = [...(await file('src/settings.ts')).matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name]) => name);
  assert.deepEqual(read.sort(), Object.keys(env).sort());
});

test('mistakes are named all at once, with the variable and never with its value', () => {
  const given = {
    PUBLIC_URL: 'plinth.localhost',
    SESSION_KEY: 'short-and-secret',
    OIDC_ISSUER: 'https://id',
  };
  assert.throws(
    () => readSettings(given),
    (error: Error) =>
      ['PUBLIC_URL', 'SESSION_KEY', 'OIDC_CLIENT_ID', 'PLATFORM_FILE'].every((name) =>
        error.message.includes(name),
      ) && !error.message.includes('short-and-secret'),
  );
  assert.throws(() => parsePlatform('{"name": "x'), /^Error: platform\.json: not JSON/);
  assert.throws(() => parsePlatform('{"name": "x", "tools": [{"title": "y"}]}'), /teams.*\n.*namespaces/s);
});

test('stopping answers what was asked, takes nothing new and says so first', async (t) => {
  const place = await world(t);
  const { browser } = await signedIn(place, 'scientist-a');
  place.conditions.set('mlflow', 'slow');
  const arrived = place.asked('mlflow');
  const asked = browser.ask('/');
  await arrived;
  const stopped = place.portal?.stop();
  assert.equal((await asked).status, 200);
  await stopped;
  await assert.rejects(browser.ask('/'));
});
