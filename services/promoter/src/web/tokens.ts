import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { request } from 'undici';

export interface TokenOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly groupsClaim: string;
}

/** Who asks, and the groups that the issuer says they are in. */
export interface Caller {
  readonly name: string;
  readonly groups: ReadonlySet<string>;
}

/** The token isn't valid here. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** Checks tokens against the issuer's keys, which are fetched again when a token names a new one. */
export class Tokens {
  readonly #options: TokenOptions;
  #keys: ReturnType<typeof createRemoteJWKSet> | undefined;

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  /** Throws `Refused`; anything else is the issuer's failure. */
  async caller(authorization: string | undefined): Promise<Caller> {
    const [scheme, token] = (authorization ?? '').split(' ', 2);
    if (scheme?.toLowerCase() !== 'bearer' || !token)
      throw new Refused('send a token of the issuer: Authorization: Bearer');
    const { issuer, audience, groupsClaim } = this.#options;
    this.#keys ??= createRemoteJWKSet(new URL(await this.#keysAddress()));
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer,
        audience,
        clockTolerance: 30,
        requiredClaims: ['exp', 'sub'],
        algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384'],
      });
      const groups = payload[groupsClaim];
      const name = payload['preferred_username'] ?? payload['azp'] ?? payload.sub;
      return {
        name: String(name),
        groups: new Set(Array.isArray(groups) ? groups.filter((each) => typeof each === 'string') : []),
      };
    } catch (error) {
      // A key set that can't be fetched says nothing about the token.
      if (
        error instanceof errors.JOSEError &&
        !(error instanceof errors.JWKSTimeout) &&
        error.code !== errors.JOSEError.code
      )
        throw new Refused(`the token isn't valid here: ${error.code}`);
      throw error;
    }
  }

  async #keysAddress(): Promise<string> {
    const answer = await request(`${this.#options.issuer}/.well-known/openid-configuration`, {
      headersTimeout: 20_000,
      bodyTimeout: 20_000,
    });
    const found = (await answer.body.json()) as { readonly jwks_uri?: string };
    if (found.jwks_uri === undefined) throw new Error(`${this.#options.issuer} names no keys`);
    return found.jwks_uri;
  }
}
