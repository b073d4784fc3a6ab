import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { ensureDebianPackages } from '../../lab/support/apt.ts';
import { run } from '../../lab/support/exec.ts';
import { checkout, credentials, labFile } from './support.ts';

const packages = ['chromium', 'libnss3-tools', 'fonts-dejavu-core'];
const artifacts = join(checkout, 'tests/artifacts');

/** Debian's Chromium with a home of its own, in which the lab's authority is trusted; no certificate error is ignored. */
export class TestBrowser {
  readonly #home: string;
  readonly #browser: Browser;

  private constructor(home: string, browser: Browser) {
    this.#home = home;
    this.#browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    await ensureDebianPackages(packages);
    const home = mkdtempSync(join(tmpdir(), 'plinth-browser-'));
    const database = join(home, '.pki/nssdb');
    mkdirSync(database, { recursive: true });
    const certutil = (...args: readonly string[]) => run(['certutil', '-d', `sql:${database}`, ...args]);
    await certutil('-N', '--empty-password');
    await certutil('-A', '-n', 'plinth-lab', '-t', 'C,,', '-i', labFile('ca.crt'));
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      // As root Chromium refuses its sandbox; what it opens here is the lab's own.
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
      env: { ...(process.env as Record<string, string>), HOME: home },
      timeout: 120_000,
    });
    return new TestBrowser(home, browser);
  }

  /** A person's own browser: no cookie of anybody else. */
  async person(options: BrowserContextOptions = {}): Promise<Person> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(300_000);
    return new Person(context);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

interface Init {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** One person with one session at Keycloak. */
export class Person {
  readonly #context: BrowserContext;
  /** How often a password was asked for. */
  signIns = 0;

  constructor(context: BrowserContext) {
    this.#context = context;
  }

  /**
   * Opens an address, signing in at Keycloak when sent there; resolves once it shows what `there` waits for. Chromium
   * gives up what it loads whenever a link of the machine comes or goes, as every pod's does: then it is asked again.
   */
  async open(address: string, account: string, there: (page: Page) => Promise<unknown>): Promise<Page> {
    // An attempt that breaks off behind the password leaves a session, and the next isn't asked.
    let asked = false;
    for (let attempt = 1; ; attempt += 1) {
      const page = await this.#context.newPage();
      try {
        await visit(page, address, account, there, () => {
          asked = true;
        });
        if (asked) this.signIns += 1;
        return page;
      } catch (error) {
        await page.close();
        if (attempt === 5 || !String(error).includes(networkChanged)) throw error;
      }
    }
  }

  /** What the page's own host answers to a script of it: with the cookies of who signed in. */
  static ask(page: Page, path: string, init: Init = {}): Promise<{ status: number; body: string }> {
    return page.evaluate(
      async ([to, how]) => {
        const answer = await fetch(to, how);
        return { status: answer.status, body: await answer.text() };
      },
      [path, init] as const,
    );
  }

  /** Kept in tests/artifacts/<name>.png, for people to look at. */
  static async keep(page: Page, name: string, what: 'seen' | 'whole' = 'seen'): Promise<void> {
    mkdirSync(artifacts, { recursive: true });
    await page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: what === 'whole' });
  }

  close(): Promise<void> {
    return this.#context.close();
  }
}

const networkChanged = 'ERR_NETWORK_CHANGED';

/** Calls `asks` when a password is asked for on the way. */
const visit = async (
  page: Page,
  address: string,
  account: string,
  there: (page: Page) => Promise<unknown>,
  asks: () => void,
): Promise<void> => {
  const given = new Promise<never>((_, reject) => {
    page.on('requestfailed', (request) => {
      const text = request.failure()?.errorText ?? '';
      // A page without its script stays empty for ever.
      const needed = request.isNavigationRequest() || request.resourceType() === 'script';
      if (needed && text.includes(networkChanged)) reject(new Error(text));
    });
  });
  const arrived = there(page).then(() => 'there' as const);
  const asked = page
    .locator('#kc-form-login')
    .waitFor({ timeout: 300_000 })
    .then(() => 'asked' as const);
  // Whichever loses the race may fail later without harm.
  for (const each of [given, arrived, asked]) each.catch(() => undefined);
  await page.goto(address, { waitUntil: 'domcontentloaded', timeout: 300_000 });
  if ((await Promise.race([arrived, asked, given])) === 'there') return;
  asks();
  const { username, password } = credentials(`id-${account}`);
  await page.locator('#username').fill(username);
  await page.locator('#password').fill(password);
  await page.locator('#kc-login').click();
  await Promise.race([arrived, given]);
};
