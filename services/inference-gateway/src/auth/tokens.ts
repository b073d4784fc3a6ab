import { errors, jwtVerify } from 'jose';
import type { Issuer } from './issuer.ts';

/** What tokens are checked against. */
export type Keys = Pick<Issuer, 'url' | 'ready' | 'generation' | 'key'>;

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

interface Verified {
  readonly caller: Caller;
  /** The exp claim and the clock skew, in milliseconds of the clock. */
  readonly until: number;
}

/** Callers send one token many times, and a signature costs more than everything else here. */
const rememberedTokens = 1000;

/** Tells who sends a request, from its Authorization header. */
export class Tokens {
  readonly #issuer: Keys;
  readonly #rules: TokenRules;
  readonly #now: () => number;
  readonly #verified = new Map<string, Verified>();
  #generation: unknown;

  constructor(issuer: Keys, rules: TokenRules, now: () => number = Date.now) {
    this.#issuer = issuer;
    this.#rules = rules;
    this.#now = now;
  }

  async caller(authorization: string | undefined): Promise<Caller | TokenRefusal> {
    const token = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return authorization === undefined ? 'missing' : 'invalid';
    if (this.#generation !== this.#issuer.generation) {
      this.#verified.clear();
      this.#generation = this.#issuer.generation;
    }
    const known = this.#verified.get(token);
    if (known !== undefined && this.#now() < known.until) return known.caller;
    this.#verified.delete(token);
    return this.#verify(token);
  }

  async #verify(token: string): Promise<Caller | TokenRefusal> {
    const { audience, clockSkewSeconds, groupsClaim } = this.#rules;
    const generation = this.#issuer.generation;
    try {
      const { payload } = await jwtVerify(token, this.#issuer.key, {
        issuer: this.#issuer.url,
        audience,
        clockTolerance: clockSkewSeconds,
        currentDate: new Date(this.#now()),
        requiredClaims: ['exp', 'sub'],
        algorithms,
      });
      const caller = { subject: payload.sub ?? '', teams: this.#teams(payload[groupsClaim]) };
      if (generation === this.#issuer.generation)
        this.#remember(token, { caller, until: ((payload.exp ?? 0) + clockSkewSeconds) * 1000 });
      return caller;
    } catch (error) {
      if (error instanceof errors.JWTExpired) return 'expired';
      return this.#issuer.ready ? 'invalid' : 'unavailable';
    }
  }

  #remember(token: string, verified: Verified): void {
    if (this.#verified.size >= rememberedTokens) {
      const [oldest = ''] = this.#verified.keys();
      this.#verified.delete(oldest);
    }
    this.#verified.set(token, verified);
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
