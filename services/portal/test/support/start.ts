import type { TestContext } from 'node:test';
import { Browser, type Reply } from './browser.ts';
import { World } from './world.ts';

/** The portal and everything that it asks, until the test is over. */
export const world = async (
  t: TestContext,
  variables: Readonly<Record<string, string>> = {},
): Promise<World> => {
  const made = await World.start(variables);
  t.after(() => made.stop());
  return made;
};

/** Signs somebody in with a browser of their own. */
export const signedIn = async (
  place: World,
  account: string,
  groups: readonly string[] = [account.replace('scientist', 'team')],
): Promise<{ readonly browser: Browser; readonly page: Reply }> => {
  place.issuer.current = { name: account, groups };
  const browser = new Browser(place.url);
  return { browser, page: await browser.open('/') };
};

export const visit = async (place: World, account: string, groups?: readonly string[]): Promise<Reply> =>
  (await signedIn(place, account, groups)).page;
