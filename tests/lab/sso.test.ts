import { existsSync, readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { Person, TestBrowser } from './browser.ts';
import { labFile } from './support.ts';

jest.setTimeout(10 * 60_000);

interface Ui {
  readonly name: string;
  /** Where a person starts; the address itself unless told. */
  readonly path?: string;
  /** What a page that needs a sign-in shows to who may see it. */
  readonly there: (page: Page) => Promise<unknown>;
}

const text = (pattern: RegExp) => (page: Page) => page.getByText(pattern).first().waitFor();

/** The pages of the platform that people sign in at. */
const uis: readonly Ui[] = [
  { name: 'mlflow', there: text(/Experiments/) },
  // It is built without its web pages; of what it has, this alone is for people.
  { name: 'prometheus', path: '/-/healthy', there: text(/Prometheus Server is Healthy/) },
  { name: 'alertmanager', there: (page) => page.waitForFunction("document.title.includes('Alertmanager')") },
  { name: 'hub', path: '/hub/home', there: text(/Start My Server|Launch Server|My Server/) },
  { name: 'airflow', there: text(/Dags|Welcome/) },
];

const exposed = (): ReadonlySet<string> => {
  if (!existsSync(labFile('endpoints.json'))) return new Set();
  return new Set(Object.keys(JSON.parse(readFileSync(labFile('endpoints.json'), 'utf8'))));
};

describe('signing in once', () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await TestBrowser.launch();
  });
  afterAll(() => browser.close());

  test('an administrator opens every page with one password', async () => {
    const names = exposed();
    const pages = uis.filter(({ name }) => names.has(name));
    expect(pages.length).toBeGreaterThan(0);
    const person = await browser.person();
    try {
      for (const { name, path = '/', there } of pages) {
        const page = await person.open(`https://${name}.plinth.localhost${path}`, 'platform-admin', there);
        await Person.keep(page, `sso-${name}`);
        await page.close();
      }
      expect(person.signIns).toBe(1);
    } finally {
      await person.close();
    }
  });
});
