import { createHash, randomBytes } from 'node:crypto';
import { type Answer, ask, fillIn, type Login } from './http.ts';
import { secretValue } from './support.ts';

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
}

export interface Discovery {
  readonly jwks_uri: string;
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
}

export const discover = async (issuer: string): Promise<Discovery> =>
  JSON.parse((await ask(`${issuer}/.well-known/openid-configuration`)).body) as Discovery;

const tokens = async (issuer: string, form: Readonly<Record<string, string>>): Promise<Tokens | string> => {
  const { token_endpoint } = await discover(issuer);
  const answer = await ask(token_endpoint, { form: { client_id: clientId, ...form } });
  const json = JSON.parse(answer.body) as Tokens & { readonly error?: string };
  return json.error ?? json;
};

const clientId = 'plinth-cli';
const redirect = 'http://127.0.0.1/callback';

/** Fills in Keycloak's page at this address. The answer leads back to who asked, or is the page again. */
export const submit = async (address: string, login: Login): Promise<Answer> => {
  const page = await ask(address);
  return fillIn(page, login, (to, form) => ask(to, { ...form, cookies: page.cookies }));
};

/**
 * Signs a person in as a browser does, page by page, with the code flow of the command line's client. Resolves to
 * tokens, or to `refused` when the password isn't accepted.
 */
export const signIn = async (issuer: string, login: Login): Promise<Tokens | string> => {
  const { authorization_endpoint } = await discover(issuer);
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirect,
    response_type: 'code',
    scope: 'openid',
    state: randomBytes(8).toString('hex'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const answer = await submit(`${authorization_endpoint}?${query}`, login);
  if (answer.status === 200) return 'refused';
  const code = new URL(answer.location ?? '').searchParams.get('code');
  if (code === null) throw new Error(`no code in ${answer.location}`);
  return tokens(issuer, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirect,
    code_verifier: verifier,
  });
};

/** Fresh tokens for a session, or the error that says why there are none. */
export const refresh = (issuer: string, { refresh_token }: Tokens): Promise<Tokens | string> =>
  tokens(issuer, { grant_type: 'refresh_token', refresh_token });

export const claimsOf = ({ access_token }: Pick<Tokens, 'access_token'>): Readonly<Record<string, unknown>> =>
  JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString('utf8')) as Record<
    string,
    unknown
  >;

/** A token for what runs by itself, by the client credentials grant. */
export const machineToken = async (
  issuer: string,
  { clientId: id, clientSecret }: { readonly clientId: string; readonly clientSecret: string },
): Promise<string> => {
  const form = { grant_type: 'client_credentials', client_id: id, client_secret: clientSecret };
  const answer = await tokens(issuer, form);
  if (typeof answer === 'string') throw new Error(`${id} gets no token: ${answer}`);
  return answer.access_token;
};

/** A token of a team's own machine credentials, as its jobs get it. */
export const teamToken = async (team: string): Promise<string> =>
  machineToken('https://id.plinth.localhost/realms/plinth', {
    clientId: team,
    clientSecret: await secretValue(team, `${team}-oidc`, 'clientSecret'),
  });
