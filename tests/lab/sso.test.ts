import { existsSync, readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { holdsAlone } from '../alone.ts';
import { Person, TestBrowser } from './browser.ts';
import { labFile } from './support.ts';

jest.setTimeout(20 * 60_000);

interface Ui {
  readonly name: string;
  /** Where a person starts; the address itself unless told. */
  readonly path?: string;
  /** What a page that needs a sign-in shows to who may see it. */
  readonly there: (page: Page) => Promise<unknown>;
}

const text = (pattern: RegExp) => (page: Page) => page.getByText(pattern).first().waitFor();

const hub: Ui = { name: 'hub', path: '/hub/home', there: text(/Start My Server|Launch Server|My Server/) };
const airflow: Ui = { name: 'airflow', there: text(/Dags|Welcome/) };
const mlflow: Ui = { name: 'mlflow', there: text(/Experiments/) };

/**
 * The pages of the platform that people sign in at. The hub comes first: whoever asks for offline access in a new session
 * takes that session from the others (see constructs/jupyterhub/files/plinth_sign_in.py).
 */
const uis: readonly Ui[] = [
  hub,
  airflow,
  mlflow,
  { name: 'prometheus', there: text(/Enter expression|Add query/) },
  { name: 'alertmanager', there: (page) => page.waitForFunction("document.title.includes('Alertmanager')") },
];

const exposed: ReadonlySet<string> = new Set(
  existsSync(labFile('endpoints.json'))
    ? Object.keys(JSON.parse(readFileSync(labFile('endpoints.json'), 'utf8')))
    : [],
);
const addressOf = ({ name, path = '/' }: Ui): string => `https://${name}.plinth.localhost${path}`;

// Who holds a person's server may restart the hub.
holdsAlone('server of scientist-b', 'mlflow', 'accounts');

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.launch();
});
afterAll(() => browser.close());

describe('an administrator who signs in once', () => {
  let person: Person;
  beforeAll(async () => {
    person = await browser.person();
  });
  afterAll(() => person.close());

  test.each(uis.filter(({ name }) => exposed.has(name)).map((ui) => [ui.name, ui] as const))(
    'opens %s',
    async (name, ui) => {
      const page = await person.open(addressOf(ui), 'platform-admin', ui.there);
      await Person.keep(page, `sso-${name}`);
      await page.close();
      expect(person.signIns).toBe(1);
    },
  );
});

describe('scientist-b, who signed in once, is shown nothing of team-a', () => {
  const account = 'scientist-b';
  let person: Person;
  beforeAll(async () => {
    person = await browser.person();
  });
  afterAll(() => person.close());

  const at = async (ui: Ui, look: (page: Page) => Promise<void>): Promise<void> => {
    const page = await person.open(addressOf(ui), account, ui.there);
    await look(page);
    await Person.keep(page, `${account}-${ui.name}`);
    await page.close();
    expect(person.signIns).toBe(1);
  };
  const where = (name: string): typeof test => (exposed.has(name) ? test : test.skip) as typeof test;

  where('airflow')('Airflow: no DAG', () =>
    at(airflow, async (page) => {
      expect((await Person.ask(page, '/api/v2/dags/team-a.hello')).status).toBe(403);
      const { status, body } = await Person.ask(page, '/api/v2/dags?limit=100');
      expect([status, body.includes('team-b.'), body.includes('team-a')]).toEqual([200, true, false]);
    }),
  );

  where('mlflow')('MLflow: no workspace, so no experiment and no model', () =>
    at(mlflow, async (page) => {
      const { status, body } = await Person.ask(page, '/ajax-api/3.0/mlflow/workspaces');
      expect([status, body.includes('team-b'), body.includes('team-a')]).toEqual([200, true, false]);
      for (const [method, path] of [
        ['POST', 'experiments/search'],
        ['GET', 'registered-models/search'],
      ] as const) {
        const answer = await Person.ask(page, `/ajax-api/2.0/mlflow/${path}`, {
          method,
          headers: { 'content-type': 'application/json', 'x-mlflow-workspace': 'team-a' },
          ...(method === 'POST' ? { body: JSON.stringify({ max_results: 5 }) } : {}),
        });
        expect([path, answer.status]).toEqual([path, 403]);
      }
    }),
  );

  const forAdministrators = ['prometheus', 'alertmanager'].filter((name) => exposed.has(name));
  test.each(forAdministrators)('%s: refused', (name) =>
    at({ name, there: text(/403|Forbidden/) }, async (page) => {
      expect([401, 403]).toContain((await Person.ask(page, '/api/v1/query?query=up')).status);
    }),
  );

  where('metrics')('metrics: no series', () =>
    at({ name: 'metrics', there: text(/404|not found/i) }, async (page) => {
      const { status, body } = await Person.ask(page, '/api/v1/label/team/values');
      expect([status, body.includes('team-a')]).toEqual([200, false]);
      const other = `/api/v1/query?query=${encodeURIComponent('up{team="team-a"}')}`;
      expect((await Person.ask(page, other)).status).toBe(400);
    }),
  );

  where('hub')("the hub: no server of team-a's people, and no list of them", () =>
    at(hub, async (page) => {
      const answer = await page.goto('https://hub.plinth.localhost/user/scientist-a/lab');
      expect([403, 404]).toContain(answer?.status());
      expect([403, 404]).toContain((await Person.ask(page, '/hub/api/users/scientist-a')).status);
    }),
  );
});
