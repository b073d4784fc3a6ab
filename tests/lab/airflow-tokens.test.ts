import { createHmac, createPublicKey, createSign, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { environments } from '../../environments/index.ts';
import { api, exchanged } from './airflow.ts';
import { ask } from './http.ts';
import { claimsOf, discover, teamToken } from './sign-in.ts';

jest.setTimeout(5 * 60_000);

const issuer = 'https://id.plinth.localhost/realms/plinth';
const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const decoded = (part: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
const secondsOf = (token: string): number => Number(claimsOf({ access_token: token })['exp']);

type Forger = (header: Record<string, unknown>, payload: string) => Promise<string> | string;

/** A token that says what a real one says, and isn't the issuer's. */
const forged = async (forge: Forger): Promise<string> => {
  const [header = '', payload = ''] = (await teamToken('team-a')).split('.');
  return forge(decoded(header), payload);
};

const signedBy = (key: ReturnType<typeof generateKeyPairSync>['privateKey'], open: string): string =>
  `${open}.${createSign('RSA-SHA256').update(open).sign(key, 'base64url')}`;

/** The issuer's key as anybody can read it, of the token's own key id. */
const publicKey = async (id: unknown): Promise<string> => {
  const { jwks_uri: address } = await discover(issuer);
  const { keys } = JSON.parse((await ask(address)).body) as {
    keys: readonly (JsonWebKey & { kid: string })[];
  };
  const key = keys.find(({ kid }) => kid === id);
  if (key === undefined) throw new Error(`the issuer has no key ${id}`);
  return createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
};

(environments['local']?.airflow?.kind === 'on' ? describe : describe.skip)("a program's token", () => {
  test('opens the API no longer than the token of the issuer that it was given for', async () => {
    const token = await teamToken('team-a');
    const { status, body } = await exchanged(token);
    expect(status).toBe(201);
    expect(secondsOf(body.access_token)).toBeLessThanOrEqual(secondsOf(token));
    const headers = { authorization: `Bearer ${body.access_token}` };
    expect((await ask(api('/dags/team-a.hello'), { headers })).status).toBe(200);
    const given = await ask(api('/dags/team-a.hello'), { headers: { authorization: `Bearer ${token}` } });
    expect([401, 403]).toContain(given.status);
  });

  test.each<readonly [string, Forger]>([
    [
      "signed by somebody else under the issuer's key id",
      (header, payload) =>
        signedBy(
          generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
          `${encoded(header)}.${payload}`,
        ),
    ],
    ['unsigned', (header, payload) => `${encoded({ ...header, alg: 'none' })}.${payload}.`],
    [
      "with the issuer's public key as a shared secret",
      async (header, payload) => {
        const open = `${encoded({ ...header, alg: 'HS256' })}.${payload}`;
        const mac = createHmac('sha256', await publicKey(header['kid'])).update(open);
        return `${open}.${mac.digest('base64url')}`;
      },
    ],
  ])('is refused %s', async (_, forge) => {
    expect((await exchanged(await forged(forge))).status).toBe(401);
  });

  test('is refused with claims that were changed', async () => {
    const [header, payload = '', signature] = (await teamToken('team-a')).split('.');
    const administrator = encoded({ ...decoded(payload), groups: ['platform-admins'] });
    expect((await exchanged(`${header}.${administrator}.${signature}`)).status).toBe(401);
  });
});
