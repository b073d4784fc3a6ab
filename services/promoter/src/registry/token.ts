import { request } from 'undici';

export interface ClientCredentials {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A token of its own, renewed when half of its life is over. */
export class TokenSource {
  readonly #credentials: ClientCredentials;
  #token: string | undefined;
  #renewAt = 0;
  #endpoint: string | undefined;

  constructor(credentials: ClientCredentials) {
    this.#credentials = credentials;
  }

  async token(): Promise<string> {
    if (this.#token !== undefined && Date.now() < this.#renewAt) return this.#token;
    const { clientId, clientSecret } = this.#credentials;
    const answer = await request(await this.#tokenEndpoint(), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
      }).toString(),
      headersTimeout: 20_000,
      bodyTimeout: 20_000,
    });
    const body = (await answer.body.json()) as {
      readonly access_token?: string;
      readonly expires_in?: number;
      readonly error?: string;
    };
    if (answer.statusCode !== 200 || body.access_token === undefined)
      throw new Error(`the issuer gives no token: ${answer.statusCode} ${body.error ?? ''}`);
    this.#renewAt = Date.now() + ((body.expires_in ?? 60) / 2) * 1000;
    this.#token = body.access_token;
    return body.access_token;
  }

  /** Somebody refused it: the next one is new. */
  renew(): void {
    this.#renewAt = 0;
  }

  async #tokenEndpoint(): Promise<string> {
    if (this.#endpoint !== undefined) return this.#endpoint;
    const { issuer } = this.#credentials;
    const answer = await request(`${issuer}/.well-known/openid-configuration`, {
      headersTimeout: 20_000,
      bodyTimeout: 20_000,
    });
    const found = (await answer.body.json()) as { readonly token_endpoint?: string };
    if (found.token_endpoint === undefined) throw new Error(`${issuer} names no token endpoint`);
    this.#endpoint = found.token_endpoint;
    return this.#endpoint;
  }
}
