import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';
import { type Client, Unanswered } from '../upstreams/client.ts';
import type { Person } from './person.ts';

export interface IssuerOptions {
  readonly client: Client;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly groupsClaim: string;
}

/** What the issuer gives for a code or for a refresh token. */
export interface Grant {
  readonly person: Person;
  /** With which others are asked in the person's name. */
  readonly access: string;
  readonly refresh: string | undefined;
  /** When the access token ends, in milliseconds since the epoch. */
  readonly until: number;
}

/** The issuer, or a check of what it said, turns somebody away. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

const addresses = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  jwks_uri: z.url(),
  end_session_endpoint: z.url().optional(),
});
type Addresses = z.infer<typeof addresses>;

const tokens = z.object({
  id_token: z.string(),
  access_token: z.string(),
  refresh_token: z.string().optional(),
  expires_in: z.number().default(60),
});

const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

/** In milliseconds; tokens of unknown keys make nobody ask the issuer more often than the second. */
const keysLast = 300_000;
const keysPause = 10_000;

/** Signed by the issuer's private key; never by a secret that others share. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384'];

/** The OpenID Connect issuer: its addresses, its tokens, and who somebody is by one that it signed. */
export class Issuer {
  readonly #options: IssuerOptions;
  #addresses: Addresses | undefined;
  #keys: JWTVerifyGetKey | undefined;
  #keysAt = Number.NEGATIVE_INFINITY;

  constructor(options: IssuerOptions) {
    this.#options = options;
  }

  get clientId(): string {
    return this.#options.clientId;
  }

  /** Throws `Unanswered`. */
  async addresses(): Promise<Addresses> {
    if (this.#addresses !== undefined) return this.#addresses;
    const { client } = this.#options;
    const found = await client.json(addresses, '/.well-known/openid-configuration');
    if (found.issuer !== client.url)
      throw new Unanswered(`${client.name} at ${client.url} calls itself ${found.issuer}`);
    this.#addresses = found;
    return found;
  }

  /** Throws `Refused` when the issuer says no, or says something that it didn't sign; else `Unanswered`. */
  async grant(form: Readonly<Record<string, string>>, nonce?: string): Promise<Grant> {
    const { client, clientId, clientSecret } = this.#options;
    const { token_endpoint } = await this.addresses();
    const { status, text } = await client.ask(token_endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ client_id: clientId, client_secret: clientSecret, ...form }).toString(),
    });
    if (status === 400 || status === 401) throw new Refused('the issuer gives no token');
    const parsed = status === 200 ? tokens.safeParse(JSON.parse(text)) : undefined;
    if (parsed?.success !== true) throw new Unanswered(`${client.name} answers ${status} and no tokens`);
    const { id_token, access_token, refresh_token, expires_in } = parsed.data;
    return {
      person: await this.#person(id_token, nonce),
      access: access_token,
      refresh: refresh_token,
      until: Date.now() + expires_in * 1000,
    };
  }

  /** Whose an ID token is: checked for signature, issuer, audience and time before a claim of it counts. */
  async #person(token: string, nonce: string | undefined): Promise<Person> {
    const { client, clientId, groupsClaim } = this.#options;
    try {
      const { payload } = await jwtVerify(token, (header, jws) => this.#key(header, jws), {
        issuer: client.url,
        audience: clientId,
        clockTolerance: 10,
        requiredClaims: ['exp', 'sub'],
        algorithms,
      });
      if (nonce !== undefined && payload['nonce'] !== nonce)
        throw new Refused('the token belongs to another attempt to sign in');
      const groups = payload[groupsClaim];
      return {
        name: String(payload['preferred_username'] ?? payload.sub),
        groups: Array.isArray(groups) ? groups.filter((each) => typeof each === 'string') : [],
      };
    } catch (error) {
      if (error instanceof errors.JOSEError) throw new Refused(`the token isn't valid here: ${error.code}`);
      throw error;
    }
  }

  /** The issuer's keys are asked for again when a token names one that isn't known, and after five minutes. */
  async #key(...token: Parameters<JWTVerifyGetKey>): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> {
    const age = performance.now() - this.#keysAt;
    if (this.#keys === undefined || age > keysLast) await this.#fetchKeys();
    try {
      return await this.#known(...token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || performance.now() - this.#keysAt < keysPause)
        throw error;
      await this.#fetchKeys();
      return this.#known(...token);
    }
  }

  #known(...token: Parameters<JWTVerifyGetKey>): ReturnType<JWTVerifyGetKey> {
    if (this.#keys === undefined) throw new Error('no keys were fetched');
    return this.#keys(...token);
  }

  async #fetchKeys(): Promise<void> {
    const { client } = this.#options;
    const { jwks_uri } = await this.addresses();
    const found = await client.json(keySet, jwks_uri);
    this.#keys = createLocalJWKSet(found as JSONWebKeySet);
    this.#keysAt = performance.now();
  }
}
