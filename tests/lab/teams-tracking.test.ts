import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { holdsAlone } from '../alone.ts';
import { type Answer, ask } from './http.ts';
import { claimsOf, signIn, submit, teamToken } from './sign-in.ts';
import { client, credentials, kubectl, ownIdentity, teamClient } from './support.ts';

jest.setTimeout(15 * 60_000);

const issuer = 'https://id.plinth.localhost/realms/plinth';

interface Made extends Readonly<Record<string, string>> {
  readonly name: string;
}

/** By request: `shown`, `changed`, or the status. */
type Seen = Readonly<Record<string, string>>;

const personToken = async (account: string): Promise<string> => {
  const answer = await signIn(issuer, credentials(`id-${account}`));
  if (typeof answer === 'string') throw new Error(`${account} can't sign in: ${answer}`);
  expect(claimsOf(answer)['aud']).toEqual(expect.arrayContaining(['mlflow']));
  return answer.access_token;
};

/** Everything that there is to ask for, asked with this token, in this workspace or in none. */
const seenWith = async (made: Made, who: string, token: string): Promise<Seen> => {
  const seen = JSON.parse(
    await client('tenancy.py', ['ASK', JSON.stringify(made), `${who}=${token}`]),
  ) as Record<string, Seen>;
  return seen[who] ?? {};
};

holdsAlone('mlflow', 'accounts');

(ownIdentity ? describe : describe.skip)('what a team has in MLflow, asked for in every way there is', () => {
  let made: Made;
  beforeAll(async () => {
    made = JSON.parse(await client('tenancy.py', ['MAKE'])) as Made;
  });

  test.each([
    ['its own jobs', 'team-a', () => teamToken('team-a')],
    ['its people', 'team-a in team-a', () => personToken('scientist-a')],
    ['an administrator', 'admin in team-a', () => personToken('platform-admin')],
  ])('is shown to %s', async (_, who, token) => {
    const seen = await seenWith(made, who, await token());
    expect(Object.entries(seen).filter(([, what]) => what !== 'shown')).toEqual([]);
    expect(Object.keys(seen).length).toBeGreaterThan(20);
  });

  test.each([
    ["another team's jobs", 'team-b', () => teamToken('team-b')],
    ["another team's people", 'scientist-b', () => personToken('scientist-b')],
    [
      "another team's people in the workspace of all",
      'scientist-b in default',
      () => personToken('scientist-b'),
    ],
  ])('is nothing to %s, and nothing of it can be changed or taken', async (_, who, token) => {
    const seen = await seenWith(made, who, await token());
    const wrong = Object.entries(seen).filter(([, what]) => ['shown', 'changed'].includes(what));
    expect(wrong).toEqual([]);
    for (const title of ['artifact by its path', 'run by id', 'registered model', 'trace by id'])
      expect(seen[title]).toMatch(/^40[034]$/);
  });

  test("another team's people are refused in its workspace, and so is whoever has no token", async () => {
    const refused = await seenWith(made, 'scientist-b in team-a', await personToken('scientist-b'));
    expect(new Set(Object.values(refused))).toEqual(new Set(['403']));
    const unknown = await seenWith(made, 'nobody', '');
    expect(new Set(Object.values(unknown))).toEqual(new Set(['401']));
  });
});

(ownIdentity ? describe : describe.skip)('signing in to MLflow', () => {
  const url = 'https://mlflow.plinth.localhost';
  const searched = `${url}/ajax-api/2.0/mlflow/experiments/search`;
  const page = (cookies: readonly string[] = [], to = `${url}/`): Promise<Answer> =>
    ask(to, { cookies, headers: { accept: 'text/html' } });

  test('a browser is sent to Keycloak, comes back signed in, and leaves again', async () => {
    const sent = await page();
    expect([sent.status, sent.location?.startsWith(`${issuer}/protocol/openid-connect/auth?`)]).toEqual([
      302,
      true,
    ]);
    const back = await submit(sent.location ?? '', credentials('id-scientist-a'));
    expect(back.location?.startsWith(`${url}/oidc/callback?`)).toBe(true);
    const signedIn = await page(sent.cookies, back.location);
    expect([signedIn.status, signedIn.location]).toEqual([302, '/']);
    const session = signedIn.cookies.filter((each) => each.startsWith('__Host-mlflow-session='));
    const start = await page(session);
    expect([start.status, start.body.includes('<title>MLflow</title>')]).toEqual([200, true]);
    const workspaces = await ask(`${url}/ajax-api/3.0/mlflow/workspaces`, { cookies: session });
    expect(
      (JSON.parse(workspaces.body) as { workspaces: { name: string }[] }).workspaces.map(({ name }) => name),
    ).toEqual(['default', 'team-a']);
    const elsewhere = await ask(searched, {
      cookies: session,
      json: { max_results: 1 },
      headers: { origin: 'https://other.plinth.localhost' },
    });
    expect(elsewhere.status).toBe(403);
    const left = await page(session, `${url}/oidc/sign-out`);
    expect(left.cookies).toContain('__Host-mlflow-session=');
  });

  test('a code of another attempt, or a session that MLflow did not give, is worth nothing', async () => {
    const sent = await page();
    const back = await submit(sent.location ?? '', credentials('id-scientist-a'));
    const other = await page();
    expect((await page(other.cookies, back.location)).status).toBe(401);
    const forged = await ask(searched, { cookies: ['__Host-mlflow-session=abc'], json: {} });
    expect(forged.status).toBe(401);
  });

  test('health answers anybody, metrics nobody outside', async () => {
    expect((await ask(`${url}/health`)).status).toBe(200);
    expect((await ask(`${url}/metrics`)).status).toBe(401);
  });

  test('a job whose token is refused gets another by itself, once', async () => {
    const told = JSON.parse(await client('renewal.py', [], await teamClient('team-a'))) as {
      asked: number;
      found: number;
    };
    expect(told).toMatchObject({ asked: 2, found: 1 });
  });
});

(ownIdentity ? test : test.skip)('an alias set in the registry is told to a webhook, signed', async () => {
  const script = readFileSync(join(import.meta.dirname, 'client/webhook.py'), 'utf8');
  const pod = ['exec', '-n', 'mlflow', 'deploy/mlflow', '--', 'python3', '-c', script];
  const told = await kubectl([...pod, await teamToken('team-a'), '5000']);
  expect(JSON.parse(told)).toEqual({ event: 'model_version_alias.created', ours: true, signed: true });
});
