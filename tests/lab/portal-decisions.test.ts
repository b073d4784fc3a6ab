import type { Page, Response } from 'playwright-core';
import { environments } from '../../environments/index.ts';
import { holdsAlone } from '../alone.ts';
import { Person, TestBrowser } from './browser.ts';
import { registry, setChampion } from './registry.ts';
import { type Story, story } from './rollouts.ts';
import { client, eventually } from './support.ts';

jest.setTimeout(20 * 60_000);

const home = 'https://plinth.localhost';
const [account, team] = ['scientist-a', 'team-a'];
/** Its policy in the lab's environment waits for a person. */
const model = 'portal-approved';

/** Of a run that was killed before it deleted its model, or one just before this. */
const isFree = async (): Promise<boolean> => {
  try {
    const { serving, rollout } = (await story(team, model)).model;
    return serving === null && rollout === null;
  } catch (error) {
    if (String(error).includes('404')) return true;
    throw error;
  }
};
const remove = (): Promise<unknown> =>
  registry(team, 'DELETE', 'registered-models/delete', { name: model }).catch((error) => {
    if (!String(error).includes('404')) throw error;
  });

type Entry = Story['audit'][number];

const there = (page: Page): Promise<unknown> => page.locator('#documentation').waitFor();
const isPost = (answer: Response): boolean => answer.request().method() === 'POST';
/** What it leads to is waited for by itself. */
const clicked = { noWaitAfter: true } as const;

const local = environments['local'];
const on = local?.portal?.kind === 'on' && local.promoter?.kind === 'on';

holdsAlone('mlflow');

// In this order: what was approved is rolled back.
(on ? describe : describe.skip)('who sees in the portal what the promoter is about to do', () => {
  let browser: TestBrowser | undefined;
  let person: Person;
  let versions: readonly number[] = [];
  beforeAll(async () => {
    await remove();
    await eventually('nothing is left of it', isFree, (free) => free, 300);
    versions = (JSON.parse(await client('log_model.py', [model])) as { versions: number[] }).versions;
    await setChampion(team, model, versions[0] ?? 0);
    browser = await TestBrowser.launch();
    person = await browser.person();
  });
  afterAll(async () => {
    await person?.close();
    await browser?.close();
    await remove();
  });

  /**
   * Presses until the audit has something new. Chromium gives up what it sends when a link of the machine comes or goes:
   * then the button is still there.
   */
  const decide = async (what: string, press: (page: Page) => Promise<void>, is: (told: Entry) => boolean) => {
    const [newest] = (await story(team, model)).audit;
    const told = async (): Promise<boolean> =>
      (await story(team, model)).audit.some((entry) => entry.at > (newest?.at ?? '') && is(entry));
    const pressed = async (): Promise<boolean> => {
      if (await told()) return true;
      const page = await person.open(home, account, there);
      const answered = page.waitForResponse(isPost, { timeout: 60_000 }).catch(() => undefined);
      await press(page);
      await answered;
      return told();
    };
    await eventually(what, pressed, (done) => done);
  };
  const serves = (version: number): Promise<Story> =>
    eventually(
      `version ${version} serves`,
      () => story(team, model),
      (found) => found.model.serving === String(version) && found.model.rollout === null,
      600,
    );
  const row = async (): Promise<string> => {
    const page = await person.open(home, account, there);
    const found = page.getByRole('row').filter({ hasText: model });
    return (await found.allInnerTexts()).join().replaceAll(/\s+/g, ' ');
  };

  test('approves a version there', async () => {
    const [first = 0, second = 0] = versions;
    await serves(first);
    await setChampion(team, model, second);
    await eventually(
      'it waits for somebody',
      () => story(team, model),
      (found) => found.model.rollout?.phase === 'step',
      600,
    );
    expect(await row()).toContain(`v${second} waits for approval`);
    await decide(
      'the approval is in the audit',
      (page) => page.getByRole('button', { name: `Approve version ${second} of ${model}` }).click(clicked),
      ({ event, actor }) => event === 'approval' && actor === account,
    );
    await serves(second);
    await eventually('the portal says so', row, (text) => text.includes(`v${second} 100 %`));
  });

  test('brings back the version before, for a reason that the audit keeps', async () => {
    const [first = 0] = versions;
    const reason = `answers look wrong to ${process.pid}`;
    await decide(
      'the rollback is in the audit',
      async (page) => {
        await page.getByRole('button', { name: `Roll back model ${model}` }).click(clicked);
        const asking = page.getByRole('dialog', { name: `Roll back model ${model}?` });
        await asking.getByLabel('Reason, for the record').fill(reason);
        await asking.getByRole('button', { name: 'Roll back', exact: true }).click(clicked);
      },
      ({ event, actor, detail }) =>
        event === 'begun' && actor === `${account}: ${reason}` && detail['version'] === String(first),
    );
    await serves(first);
    await eventually('the portal says so', row, (text) => text.includes(`v${first} 100 %`));
  });

  test('sees charts of what there is to draw, and no empty place', async () => {
    const page = await person.open(home, account, there);
    await page.locator('[data-told]:not([hidden]), .uplot').first().waitFor();
    await Person.keep(page, 'portal-decisions', 'whole');
    expect(await page.locator('figure:visible:not(:has(.uplot))').count()).toBe(0);
  });
});
