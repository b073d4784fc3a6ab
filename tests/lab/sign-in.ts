import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { labFile } from './support.ts';

export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly cookies: readonly string[];
  readonly body: string;
}

export interface Question {
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly cookies?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request that trusts the lab's authority and follows nothing; a POST where it has a form or JSON. */
export const ask = (url: string, options: Question = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { form, json, cookies = [] } = options;
    const body =
      form !== undefined
        ? new URLSearchParams(form).toString()
        : json === undefined
          ? undefined
          : JSON.stringify(json);
    const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
    const headers = {
      ...(body === undefined ? {} : { 'content-type': type }),
      ...(cookies.length === 0 ? {} : { cookie: cookies.join('; ') }),
      ...options.headers,
    };
    const sent = request(
      url,
      {
        method: body === undefined ? 'GET' : 'POST',
        headers,
        ca: readFileSync(labFile('ca.crt')),
        timeout: 60_000,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            location: response.headers.location,
            cookies: (response.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';', 1)[0] ?? ''),
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer of ${url} within a minute`)));
    sent.on('error', reject);
    sent.end(body);
  });

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
}

export interface Discovery {
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
export const submit = async (
  address: string,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<Answer> => {
  const page = await ask(address);
  const action = /<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"/.exec(page.body)?.[1];
  if (action === undefined)
    throw new Error(
      `no page to sign in at: ${page.status} ${page.location ?? ''} ${page.body.slice(0, 500)}`,
    );
  const form = { username, password, credentialId: '' };
  return ask(action.replaceAll('&amp;', '&'), { form, cookies: page.cookies });
};

/**
 * Signs a person in as a browser does, page by page, with the code flow of the command line's client. Resolves to
 * tokens, or to `refused` when the password isn't accepted.
 */
export const signIn = async (
  issuer: string,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<Tokens | string> => {
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
  const answer = await submit(`${authorization_endpoint}?${query}`, { username, password });
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

export const claimsOf = ({ access_token }: Tokens): Readonly<Record<string, unknown>> =>
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
