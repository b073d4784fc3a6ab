import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelsOf, queries } from '../src/domain/models.ts';
import { Browser } from './support/browser.ts';
import { signedIn, visit, world } from './support/start.ts';

/** The text of a section, without its markup. */
const section = (body: string, id: string): string =>
  (new RegExp(`<section id="${id}"[\\s\\S]*?</section>`).exec(body)?.[0] ?? '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ');

test('a scientist sees what is theirs, in every section', async (t) => {
  const { body, status } = await visit(await world(t), 'scientist-a');
  assert.equal(status, 200);
  assert.match(section(body, 'work'), /default small .*ready.* training large .*starting/);
  assert.match(section(body, 'work'), /spark-session-1a2b 1 executor .* you /);
  assert.match(
    section(body, 'models'),
    /delays v3 .*v4: canary, step 2 of 3.*v3 90 %, v4 10 % 21\.4 42\.7 ms 0 % none/,
  );
  assert.match(
    section(body, 'models'),
    /churn v7 newest v8 .*v7 100 % 0\.53 184 ms 3\.12 % 2 moved monthly_fee, tenure/,
  );
  assert.match(section(body, 'models'), /weather &lt;experimental&gt; not served newest v1/);
  assert.match(section(body, 'pipelines'), /team-a\.delays running .* team-a\.hello failed/);
  assert.match(
    section(body, 'quota'),
    /team-a CPU 1\.85 of 4 cores Memory 11\.5 of 12 GiB nearly full Storage 10 of 40 GiB/,
  );
  assert.match(section(body, 'health'), /components are well.* spark-history-team-a .* spark-operator/);
  assert.match(section(body, 'documentation'), /MLflow tracking and registry/);
});

test("nothing of another team's is anywhere on the page", async (t) => {
  const place = await world(t);
  const own = await visit(place, 'scientist-a');
  for (const foreign of [
    'team-b',
    'scientist-b',
    'fraud-of-b',
    'secret-plan',
    'spark-session-9b9b',
    'Spark history',
  ])
    assert.equal(own.body.includes(foreign), false, foreign);
  const other = await visit(place, 'scientist-b');
  for (const foreign of ['team-a', 'scientist-a', 'delays', 'churn', 'spark-session-1a2b'])
    assert.equal(other.body.includes(foreign), false, foreign);
  assert.match(other.body, /fraud-of-b/);
});

test('tools are those that the person may use and that run', async (t) => {
  const place = await world(t);
  const titles = async (account: string, groups: readonly string[]) =>
    [...(await visit(place, account, groups)).body.matchAll(/class="title">([^<]+)/g)].map(
      ([, title]) => title,
    );
  assert.deepEqual(await titles('scientist-a', ['team-a']), ['Notebooks', 'MLflow', 'Airflow']);
  assert.deepEqual(await titles('scientist-b', ['team-b']), [
    'Notebooks',
    'MLflow',
    'Airflow',
    'Spark history',
  ]);
  assert.deepEqual(await titles('platform-admin', ['platform-admins']), [
    ...['Notebooks', 'MLflow', 'Airflow', 'Prometheus', 'Spark history'],
  ]);
});

test('an administrator sees the models of every team, measured by all series', async (t) => {
  const { body } = await visit(await world(t), 'platform-admin', ['platform-admins']);
  assert.match(section(body, 'models'), /delays team-a .*fraud-of-b team-b v1 v1 100 % 4 900 ms/);
});

test('models of one name of two teams have numbers of their own', () => {
  const of = (team: string, value: number, more = {}) => ({
    labels: { team, model: 'delays', ...more },
    value,
  });
  const models = modelsOf({
    served: [],
    registered: ['team-a', 'team-b'].map((team) => ({
      ...{ team, name: 'delays', latest: '1', champion: '1' },
    })),
    samples: {
      rate: [of('team-b', 4), of('team-a', 21)],
      errors: [of('team-b', 0.5)],
      latency: [of('team-b', 0.9), of('team-a', 0.1)],
      watched: [of('team-b', 500)],
      drifted: [of('team-b', 1, { field: 'distance' })],
    },
  });
  assert.deepEqual(
    models.map(({ team, measured }) => [team, measured]),
    [
      ['team-a', { rate: 21, errors: 0, latency: 0.1, drifted: undefined }],
      ['team-b', { rate: 4, errors: 0.5, latency: 0.9, drifted: ['distance'] }],
    ],
  );
  for (const query of Object.values(queries)) assert.match(query, /by \((le, )?team, model/);
});

test('lines of several teams say whose they are', async (t) => {
  const { browser } = await signedIn(await world(t), 'platform-admin', ['platform-admins']);
  const { rate } = JSON.parse((await browser.ask('/series.json')).body) as Record<
    string,
    { lines: { label: string }[] }
  >;
  assert.deepEqual(
    rate?.lines.map(({ label }) => label),
    ['churn v7 of team-a', 'delays v3 of team-a', 'delays v4 of team-a', 'fraud-of-b v1 of team-b'],
  );
});

test('what others call something is text on the page, never markup', async (t) => {
  const place = await world(t);
  const { body } = await visit(place, '<script>alert(1)</script>', ['team-a']);
  assert.equal(body.includes('<script>alert'), false);
  assert.match(body, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
});

test('who belongs to no team is told so, and nothing else', async (t) => {
  const place = await world(t);
  const { status, body } = await visit(place, 'nobody', ['somewhere-else']);
  assert.equal(status, 403);
  assert.match(body, /You belong to no team/);
  assert.equal(/<section/.test(body), false);
});

test('groups come from the token alone: no header, cookie or parameter adds one', async (t) => {
  const place = await world(t);
  place.issuer.current = { name: 'scientist-a', groups: ['team-a'] };
  const browser = new Browser(place.url);
  await browser.open('/');
  const headers = {
    'x-forwarded-groups': 'team-b,platform-admins',
    'x-forwarded-user': 'scientist-b',
    'x-auth-request-groups': 'team-b',
    'remote-user': 'scientist-b',
    'x-remote-group': 'team-b',
  };
  const { body } = await browser.ask('/?groups=team-b&user=scientist-b', { headers });
  assert.equal(body.includes('team-b'), false);
  assert.match(body, /class="person">scientist-a</);
});

test('own work of a page takes less than 100 ms', async (t) => {
  const place = await world(t);
  const browser = new Browser(place.url);
  await browser.open('/');
  const rounds = 10;
  const begun = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) await browser.ask('/');
  const { user, system } = process.cpuUsage(begun);
  // What the fakes do is in it too; what else the machine does isn't.
  assert.ok((user + system) / 1000 / rounds < 100, `${(user + system) / 1000 / rounds} ms`);
});

test('series for charts are those of the teams of who asks', async (t) => {
  const place = await world(t);
  const browser = new Browser(place.url);
  assert.equal((await browser.ask('/series.json')).status, 401);
  await browser.open('/');
  const { status, body } = await browser.ask('/series.json');
  assert.equal(status, 200);
  const { rate, latency } = JSON.parse(body) as Record<
    string,
    { time: number[]; lines: { label: string; values: unknown[] }[] }
  >;
  assert.deepEqual(
    rate?.lines.map(({ label }) => label),
    ['churn v7', 'delays v3', 'delays v4'],
  );
  assert.equal(rate?.lines[0]?.values.length, rate?.time.length);
  assert.equal(latency?.lines.length, 3);
});

test('place is kept for charts where requests are to be drawn, and nowhere else', async (t) => {
  const place = await world(t);
  const figures = (body: string) => [...body.matchAll(/<figure( hidden)?>/g)].map(([, hidden]) => hidden);
  assert.deepEqual(figures((await visit(place, 'scientist-a')).body), [undefined, undefined]);
  place.idle = true;
  const { browser, page } = await signedIn(place, 'scientist-b');
  assert.deepEqual(figures(page.body), [' hidden', ' hidden']);
  const all = JSON.parse((await browser.ask('/series.json')).body) as Record<string, { why: string }>;
  for (const { why } of Object.values(all)) assert.match(why, /^no requests in the last/);
});

test('the page holds to its own policy: no inline script, style or foreign address', async (t) => {
  const place = await world(t);
  const { body, headers } = await visit(place, 'scientist-a');
  const policy = String(headers['content-security-policy']);
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.equal(/unsafe|\*/.test(policy), false);
  assert.equal(/\sstyle=|\son\w+=|<style|<script(?![^>]*src=)/.test(body), false);
  for (const [, address] of body.matchAll(/<(?:script|link)[^>]*(?:src|href)="([^"]+)"/g))
    assert.match(address ?? '', /^\/assets\/[\w.]+$/);
  assert.equal(headers['cache-control'], 'no-store');
  const [, style = ''] = /href="(\/assets\/portal[^"]+)"/.exec(body) ?? [];
  const asset = await new Browser(place.url).ask(style);
  assert.match(String(asset.headers['cache-control']), /immutable/);
});
