import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { Settings } from '../settings.ts';

/** The token isn't valid here. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** Checks tokens against the issuer's keys, which are fetched again when a token names a new one. */
export class Tokens {
  readonly #settings: Settings;
  #keys: ReturnType<typeof createRemoteJWKSet> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The groups of whoever asks. Throws `Refused`; anything else is the issuer's failure. */
  async groups(authorization: string | undefined): Promise<ReadonlySet<string>> {
    const token = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new Refused('send a token of the issuer: Authorization: Bearer');
    this.#keys ??= createRemoteJWKSet(new URL(await this.#keysAddress()));
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer: this.#settings.OIDC_ISSUER,
        audience: this.#settings.OIDC_AUDIENCE,
        clockTolerance: 30,
        requiredClaims: ['exp', 'sub'],
        // Asymmetric ones only: the issuer's public key must never serve as a shared secret.
        algorithms: [
          'RS256',
          'RS384',
          'RS512',
          'PS256',
          'PS384',
          'PS512',
          'ES256',
          'ES384',
          'ES512',
          'EdDSA',
        ],
      });
      const groups = payload[this.#settings.OIDC_GROUPS_CLAIM];
      const names = (Array.isArray(groups) ? groups : []).filter((each) => typeof each === 'string');
      // Keycloak writes a group as a path or as a name, after the mapper's setting.
      return new Set(names.map((each) => each.replace(/^\//, '')));
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
    const { OIDC_ISSUER } = this.#settings;
    const answer = await fetch(`${OIDC_ISSUER}/.well-known/openid-configuration`, {
      signal: AbortSignal.timeout(20_000),
    });
    const found = (await answer.json()) as { readonly jwks_uri?: string };
    if (found.jwks_uri === undefined) throw new Error(`${OIDC_ISSUER} names no keys`);
    return found.jwks_uri;
  }
}
