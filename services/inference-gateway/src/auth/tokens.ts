import { errors, jwtVerify } from 'jose';
import type { Issuer } from './issuer.ts';

export interface Caller {
  readonly subject: string;
  readonly teams: ReadonlySet<string>;
}

/** Why a request has no caller. `unavailable` is ours, not the caller's: the issuer was never reached. */
export type TokenRefusal = 'missing' | 'invalid' | 'expired' | 'unavailable';

export interface TokenRules {
  readonly audience: string;
  readonly groupsClaim: string;
  /** Groups that begin with it name a team; it is cut off. */
  readonly groupPrefix: string;
  readonly clockSkewSeconds: number;
}

/** Asymmetric ones only: the issuer's public key must never serve as a shared secret. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/** Tells who sends a request, from its Authorization header. */
export class Tokens {
  readonly #issuer: Issuer;
  readonly #rules: TokenRules;

  constructor(issuer: Issuer, rules: TokenRules) {
    this.#issuer = issuer;
    this.#rules = rules;
  }

  async caller(authorization: string | undefined): Promise<Caller | TokenRefusal> {
    const token = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return authorization === undefined ? 'missing' : 'invalid';
    try {
      const { payload } = await jwtVerify(token, this.#issuer.key, {
        issuer: this.#issuer.url,
        audience: this.#rules.audience,
        clockTolerance: this.#rules.clockSkewSeconds,
        requiredClaims: ['exp', 'sub'],
        algorithms,
      });
      return { subject: payload.sub ?? '', teams: this.#teams(payload[this.#rules.groupsClaim]) };
    } catch (error) {
      if (error instanceof errors.JWTExpired) return 'expired';
      return this.#issuer.ready ? 'invalid' : 'unavailable';
    }
  }

  /** Keycloak writes groups as paths (/teams/a) or as names, after the mapper's setting. */
  #teams(groups: unknown): ReadonlySet<string> {
    const prefix = this.#rules.groupPrefix.replace(/^\//, '');
    const names = (Array.isArray(groups) ? groups : [])
      .filter((group): group is string => typeof group === 'string')
      .map((group) => group.replace(/^\//, ''))
      .filter((group) => group.startsWith(prefix) && group.length > prefix.length);
    return new Set(names.map((group) => group.slice(prefix.length)));
  }
}
