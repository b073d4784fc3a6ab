import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environments } from '../../environments/index.ts';
import { holdsAlone } from '../alone.ts';
import { makeProbe, probeRuns, removeProbe } from './probe.ts';
import { type Account, withAccounts } from './realm.ts';
import { claimsOf, discover, refresh, signIn, type Tokens } from './sign-in.ts';
import { credentials, endpoint, eventually, kubectl } from './support.ts';

jest.setTimeout(15 * 60_000);

const issuer = 'https://id.plinth.localhost/realms/plinth';
const pod = 'probe-oidc';
const probe = {
  namespace: 'team-a',
  name: pod,
  container: { volumeMounts: [{ name: 'oidc', mountPath: '/oidc', readOnly: true }] },
  pod: { volumes: [{ name: 'oidc', secret: { secretName: 'team-a-oidc' } }] },
};

interface Told {
  readonly issuer: string;
  readonly keys: string;
  readonly refused: number | null;
  readonly expires: number;
  readonly iss: string;
  readonly groups: readonly string[];
}

const script = readFileSync(join(import.meta.dirname, 'client/oidc.py'), 'utf8');
const inPod = async (...args: readonly string[]): Promise<Told> =>
  JSON.parse(
    await kubectl(['exec', '-n', 'team-a', pod, '--', 'python3', '-c', script, '/oidc', ...args]),
  ) as Told;

const signedIn = async (account: string): Promise<Tokens> => {
  const answer = await signIn(issuer, credentials(`id-${account}`));
  if (typeof answer === 'string') throw new Error(`${account} can't sign in: ${answer}`);
  return answer;
};

/** Only where the environment has its own Keycloak: elsewhere the accounts are somebody else's. */
const own = environments['local']?.identity?.kind === 'keycloak';

// A person who is out of the environment loses the server, too.
holdsAlone('server of scientist-b', 'accounts');

(own ? describe : describe.skip)('identity', () => {
  beforeAll(async () => {
    await makeProbe(probe);
    await probeRuns(probe);
  });
  afterAll(() => removeProbe(probe));

  test('one issuer, the same on this machine and in a pod', async () => {
    expect(endpoint('id').url).toBe('https://id.plinth.localhost');
    expect((await discover(issuer)).issuer).toBe(issuer);
    const told = await inPod();
    expect([told.issuer, told.iss]).toEqual([issuer, issuer]);
    expect(told.keys).toBe(`${issuer}/protocol/openid-connect/certs`);
  });

  test.each([
    ['scientist-a', ['team-a']],
    ['scientist-b', ['team-b']],
    ['platform-admin', ['platform-admins']],
  ] as const)('%s signs in, and the token names the groups', async (account, groups) => {
    const tokens = await signedIn(account);
    expect(claimsOf(tokens)).toMatchObject({ iss: issuer, groups, preferred_username: account });
    expect(tokens.expires_in).toBeLessThanOrEqual(300);
  });

  test('a wrong password is refused', async () => {
    const { username } = credentials('id-scientist-a');
    expect(await signIn(issuer, { username, password: 'not the password' })).toBe('refused');
  });

  test('what a team runs gets short tokens of its team by credentials of its own', async () => {
    const told = await inPod();
    expect(told.groups).toEqual(['team-a']);
    expect(told.expires).toBeLessThanOrEqual(300);
    expect((await inPod('not-the-secret')).refused).toBe(401);
  });

  test('who is taken out of the environment is out within five minutes, session included', async () => {
    const tokens = await signedIn('scientist-b');
    expect(typeof (await refresh(issuer, tokens))).toBe('object');
    const without = (accounts: readonly Account[]): readonly Account[] =>
      accounts.filter(({ name }) => name !== 'scientist-b');
    await withAccounts(without, async () => {
      await eventually(
        'scientist-b is out',
        () => signIn(issuer, credentials('id-scientist-b')),
        (answer) => answer === 'refused',
        300,
      );
      expect(await refresh(issuer, tokens)).toBe('invalid_grant');
    });
    await eventually(
      'scientist-b is back',
      () => signIn(issuer, credentials('id-scientist-b')),
      (answer) => typeof answer === 'object',
      300,
    );
  });
});
