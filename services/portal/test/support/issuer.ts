import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

export interface Account {
  readonly name: string;
  groups: readonly string[];
}

/** An OpenID Connect issuer: whoever `current` is signs in without a question. */
export class TestIssuer {
  current: Account;
  url = '';
  /** Access tokens by whom they are of. */
  readonly tokens = new Map<string, Account>();
  /** How long access tokens last, in seconds. */
  seconds = 60;
  /** Refresh tokens that it takes, by whom they are of. */
  readonly refreshable = new Map<string, Account>();
  /** Signs with a key that it doesn't publish. */
  forging = false;
  renewals = 0;
  readonly #codes = new Map<string, { readonly nonce: string; readonly account: Account }>();
  #key: CryptoKey | undefined;
  #forged: CryptoKey | undefined;
  #jwk: JWK | undefined;

  constructor(account: Account) {
    this.current = account;
  }

  async prepare(): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    this.#key = privateKey;
    this.#forged = (await generateKeyPair('ES256')).privateKey;
    this.#jwk = { ...(await exportJWK(publicKey)), kid: 'first', alg: 'ES256', use: 'sig' };
  }

  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    body: string,
  ): Promise<void> {
    const send = (status: number, content: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
    };
    const { pathname, searchParams } = new URL(path, 'http://issuer');
    if (pathname === '/.well-known/openid-configuration')
      return send(200, {
        issuer: this.url,
        authorization_endpoint: `${this.url}/auth`,
        token_endpoint: `${this.url}/token`,
        jwks_uri: `${this.url}/certs`,
        end_session_endpoint: `${this.url}/logout`,
      });
    if (pathname === '/certs') return send(200, { keys: [this.#jwk] });
    if (pathname === '/auth') {
      const code = randomUUID();
      this.#codes.set(code, { nonce: searchParams.get('nonce') ?? '', account: this.current });
      const back = new URL(searchParams.get('redirect_uri') ?? '');
      back.searchParams.set('code', code);
      back.searchParams.set('state', searchParams.get('state') ?? '');
      return void response.writeHead(302, { location: back.href }).end();
    }
    if (pathname === '/token' && request.method === 'POST')
      return this.#token(new URLSearchParams(body), send);
    if (pathname === '/logout') return send(200, {});
    send(404, {});
  }

  async #token(form: URLSearchParams, send: (status: number, content: object) => void): Promise<void> {
    const known =
      form.get('grant_type') === 'refresh_token'
        ? { nonce: undefined, account: this.refreshable.get(form.get('refresh_token') ?? '') }
        : this.#codes.get(form.get('code') ?? '');
    if (known?.account === undefined || form.get('client_secret') !== 'secret of the portal')
      return send(400, { error: 'invalid_grant' });
    if (known.nonce === undefined) this.renewals += 1;
    const { account, nonce } = known;
    // As Keycloak does: another refresh token with each answer, and the ones before it go on being taken.
    const [access, refresh] = [`access-${randomUUID()}`, `refresh-${randomUUID()}`];
    this.tokens.set(access, account);
    this.refreshable.set(refresh, account);
    send(200, {
      access_token: access,
      refresh_token: refresh,
      id_token: await this.#idToken(account, nonce),
      expires_in: this.seconds,
    });
  }

  #idToken({ name, groups }: Account, nonce: string | undefined): Promise<string> {
    const key = this.forging ? this.#forged : this.#key;
    if (key === undefined) throw new Error('the issuer was not prepared');
    return new SignJWT({ preferred_username: name, groups, ...(nonce === undefined ? {} : { nonce }) })
      .setProtectedHeader({ alg: 'ES256', kid: 'first' })
      .setSubject(`id-of-${name}`)
      .setIssuer(this.url)
      .setAudience('portal')
      .setIssuedAt()
      .setExpirationTime('2m')
      .sign(key);
  }
}
