import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { environments } from '../../environments/index.ts';
import { holdsAlone } from '../alone.ts';
import { installPackages } from '../node.ts';
import { Person, TestBrowser } from './browser.ts';
import { ask } from './http.ts';
import { hubToken, podsOf, start, stop } from './hub.ts';
import { makeProbe, removeProbe } from './probe.ts';
import { teamToken } from './sign-in.ts';
import { checkout, endpoint, eventually, kubectl, kubectlJson } from './support.ts';

jest.setTimeout(20 * 60_000);

const home = 'https://plinth.localhost';
const scientist = { account: 'scientist-a', team: 'team-a' };
const noSession = { namespace: 'team-a', name: 'probe-portal' };
const modelOf = (team: string): string => `portal-${team}-${process.pid}`;

const registry = async (team: string, method: string, path: string): Promise<void> => {
  const answer = await ask(`${endpoint('mlflow').url}/api/2.0/mlflow/registered-models/${path}`, {
    method,
    json: { name: modelOf(team) },
    headers: { authorization: `Bearer ${await teamToken(team)}`, 'x-mlflow-workspace': team },
  });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body}`);
};

const there = (page: Page): Promise<unknown> => page.locator('#documentation').waitFor();

/** What may be focused with the keyboard and shows, as the page has it; a marker says where each is. */
const focusable = 'a[href], button, summary, input:not([type=hidden]), [tabindex="0"]';

/** Presses Tab until it comes round; resolves to what was focused on the way, and what of it had no outline. */
const tabThrough = async (page: Page): Promise<{ reached: number; shown: number; unmarked: string[] }> => {
  const shown = (await page.evaluate(`(() => {
    const all = [...document.querySelectorAll(${JSON.stringify(focusable)})].filter(
      (each) => each.checkVisibility() && each.closest('[popover]') === null,
    );
    all.forEach((each, index) => { each.dataset.stop = String(index); });
    document.activeElement?.blur();
    return all.length;
  })()`)) as number;
  const reached = new Set<string>();
  const unmarked: string[] = [];
  for (let press = 0; press < shown + 5; press += 1) {
    await page.keyboard.press('Tab');
    const focused = (await page.evaluate(`(() => {
      const { dataset, textContent: text } = document.activeElement;
      return { stop: dataset.stop, text, outline: getComputedStyle(document.activeElement).outlineStyle };
    })()`)) as { readonly stop?: string; readonly text: string; readonly outline: string };
    if (focused.stop === undefined) continue;
    reached.add(focused.stop);
    if (focused.outline === 'none') unmarked.push(focused.text);
  }
  return { reached: reached.size, shown, unmarked };
};

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** What axe finds against WCAG 2.2 AA, as `rule: element`. The page's own policy keeps foreign scripts out of it. */
const violations = async (page: Page): Promise<readonly string[]> => {
  const axe = readFileSync(join(checkout, 'services/portal/node_modules/axe-core/axe.min.js'), 'utf8');
  await page.evaluate(axe);
  const found = (await page.evaluate(
    "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
  )) as AxeResult;
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
};

const on = environments['local']?.portal?.kind === 'on';

holdsAlone('server of scientist-a', 'mlflow', 'accounts');

(on ? describe : describe.skip)('the portal', () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    if (!(await installPackages(join(checkout, 'services/portal')))) throw new Error('npm ci failed');
    browser = await TestBrowser.launch();
    for (const team of ['team-a', 'team-b']) await registry(team, 'POST', 'create');
  });
  afterAll(async () => {
    await browser?.close();
    for (const team of ['team-a', 'team-b']) await registry(team, 'DELETE', 'delete');
  });

  describe('to scientist-a, who signed in once,', () => {
    let token: string;
    let person: Person;
    let page: Page;
    beforeAll(async () => {
      token = await hubToken(scientist.account);
      await start(token, scientist);
      person = await browser.person();
      page = await person.open(home, scientist.account, there);
    });
    afterAll(async () => {
      await person?.close();
      if (token !== undefined) await stop(token, scientist);
    });

    test("shows what is team-a's, and nothing of team-b's", async () => {
      const text = await page.locator('body').textContent();
      expect(person.signIns).toBe(1);
      for (const own of ['scientist-a', 'Notebooks', 'MLflow', 'Airflow', modelOf('team-a'), 'cores'])
        expect(text).toContain(own);
      const html = await page.content();
      for (const foreign of ['team-b', 'scientist-b', 'Prometheus']) expect(html).not.toContain(foreign);
    });

    test('has no section whose source does not answer', async () => {
      expect(await page.locator('.note').allInnerTexts()).toEqual([]);
    });

    test("answers 403 to buttons of what is another team's", async () => {
      const form = await page.locator('input[name=token]').first().inputValue();
      for (const path of [
        `/models/${modelOf('team-b')}/rollback`,
        '/notebooks/scientist-b/default/stop',
        '/spark/team-b/spark-session-0/stop',
        '/spark/mlflow/mlflow-0/stop',
      ]) {
        const { status } = await Person.ask(page, path, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: `token=${form}`,
        });
        expect([path, status]).toEqual([path, 403]);
      }
    });

    test('is reached with the keyboard, all of it, and shows where one is', async () => {
      const { reached, shown, unmarked } = await tabThrough(page);
      expect([reached, unmarked]).toEqual([shown, []]);
      expect(shown).toBeGreaterThan(10);
    });

    test.each(['light', 'dark'] as const)(
      'is accessible in %s, and is kept to be looked at',
      async (scheme) => {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
        await page.goto(home);
        await there(page);
        await Person.keep(page, `portal-${scheme}`, 'whole');
        expect(await violations(page)).toEqual([]);
      },
    );

    test('stops the notebook whose button is pressed', async () => {
      const button = (on: Page) => on.getByRole('button', { name: 'Stop notebook default' });
      const before = await person.open(home, scientist.account, there);
      // The link of the notebook's pod goes with it, and Chromium gives up what it loads then: the answer may never
      // be seen. What it says is tested where nothing goes.
      await button(before).click({ noWaitAfter: true });
      await eventually(
        'the pod has gone',
        () => podsOf(scientist),
        ({ length }) => length === 0,
      );
      await eventually(
        'no button is left',
        async () => button(await person.open(home, scientist.account, there)).count(),
        (count) => count === 0,
      );
    });
  });

  test("to scientist-b, on a phone and without scripts, shows what is team-b's, and nothing of team-a's", async () => {
    const person = await browser.person({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
    try {
      const page = await person.open(home, 'scientist-b', there);
      const html = await page.content();
      expect(html).toContain(modelOf('team-b'));
      for (const foreign of ['team-a', 'scientist-a']) expect(html).not.toContain(foreign);
      await Person.keep(page, 'portal-phone', 'whole');
    } finally {
      await person.close();
    }
  });

  test('may list what it shows, and delete no pod that is no Spark session', async () => {
    const account = '--as=system:serviceaccount:portal:portal';
    const may = async (...what: readonly string[]): Promise<string> =>
      (await kubectl(['auth', 'can-i', ...what, account]).catch(() => 'no')).trim();
    expect(await may('list', 'pods', '-n', 'team-a')).toBe('yes');
    for (const what of [
      ['get', 'secrets', '-n', 'team-a'],
      ['list', 'configmaps', '-n', 'mlflow'],
      ['get', 'pods/log', '-n', 'mlflow'],
      ['delete', 'pods', '-n', 'mlflow'],
      ['create', 'pods', '-n', 'team-a'],
      ['list', 'pods', '-A'],
    ])
      expect([what, await may(...what)]).toEqual([what, 'no']);
    await makeProbe(noSession);
    try {
      const pod = ['pod', noSession.name, '-n', noSession.namespace];
      const refused = kubectl(['delete', ...pod, '--dry-run=server', account]);
      await expect(refused).rejects.toThrow(/deletes only pods of Spark sessions|forbidden/);
    } finally {
      await removeProbe(noSession);
    }
  });

  test('takes less than 60 MiB of memory of its own', async () => {
    const { items } = await kubectlJson<{ items: { metadata: { name: string } }[] }>(['get', 'nodes']);
    const [node] = items;
    const summary = JSON.parse(
      await kubectl(['get', '--raw', `/api/v1/nodes/${node?.metadata.name}/proxy/stats/summary`]),
    ) as { pods: { podRef: { namespace: string }; memory?: { rssBytes?: number } }[] };
    const [portal] = summary.pods.filter(({ podRef }) => podRef.namespace === 'portal');
    const mebibytes = (portal?.memory?.rssBytes ?? Number.NaN) / 2 ** 20;
    console.log(`memory of the portal: ${mebibytes.toFixed(1)} MiB`);
    expect(mebibytes).toBeLessThan(60);
  });
});
