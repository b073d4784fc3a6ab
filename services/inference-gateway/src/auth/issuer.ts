import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';
import { fetch } from 'undici';
import { z } from 'zod';

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url() });
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

export interface IssuerOptions {
  readonly url: string;
  /** Keys are fetched again after this, in the background. */
  readonly refreshMs?: number;
  /** An unknown key id makes one fetch at most this often, so that forged tokens don't reach the issuer. */
  readonly cooldownMs?: number;
  readonly now?: () => number;
  readonly fetched?: (result: 'ok' | 'failed', reason?: string) => void;
}

/**
 * The issuer's signing keys. Once fetched they serve for as long as the issuer can't be asked; when it answers,
 * what it no longer lists is no longer accepted.
 */
export class Issuer {
  readonly url: string;
  readonly #options: Required<Omit<IssuerOptions, 'url'>>;
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  #asked = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ url, ...options }: IssuerOptions) {
    this.url = url;
    this.#options = {
      refreshMs: 300_000,
      cooldownMs: 10_000,
      now: () => performance.now(),
      fetched: () => {},
      ...options,
    };
  }

  /** Another value after each fetch: what was found out with earlier keys no longer counts. */
  get generation(): unknown {
    return this.#keys;
  }

  get ready(): boolean {
    return this.#keys !== undefined;
  }

  /** Fetches now and from then on; retries quickly until there are keys. Never rejects. */
  async start(): Promise<void> {
    await this.refresh();
    const wait = this.ready ? this.#options.refreshMs : 1000;
    this.#timer = setTimeout(() => void this.start(), wait).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** One fetch at a time, whoever asks. Failure leaves the keys as they are. */
  refresh(): Promise<void> {
    this.#asked = this.#options.now();
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** The key of a token, for jose's jwtVerify. */
  readonly key = async (header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> => {
    try {
      return await this.#local(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) && this.ready) throw error;
      const cooling = this.#options.now() - this.#asked < this.#options.cooldownMs;
      if (cooling && this.#fetching === undefined) throw error;
      await this.refresh();
      return this.#local(header, token);
    }
  };

  async #local(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    if (this.#keys === undefined) throw new Error('no keys of the issuer yet');
    return this.#keys(header, token);
  }

  async #fetch(): Promise<void> {
    try {
      const about = discovery.parse(
        await this.#get(`${this.url.replace(/\/$/, '')}/.well-known/openid-configuration`),
      );
      if (about.issuer !== this.url)
        throw new Error(`discovery names issuer ${about.issuer}, not ${this.url}`);
      const found = keySet.parse(await this.#get(about.jwks_uri));
      if (found.keys.length === 0) throw new Error(`${about.jwks_uri} lists no key`);
      this.#keys = createLocalJWKSet(found as JSONWebKeySet);
      this.#options.fetched('ok');
    } catch (error) {
      this.#options.fetched('failed', describe(error));
    }
  }

  async #get(url: string): Promise<unknown> {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000), redirect: 'error' });
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    return answer.json();
  }
}

const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
};
