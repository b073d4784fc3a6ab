import { createHash, randomBytes } from 'node:crypto';
import { cookie, expired, longest, names } from './cookies.ts';
import { type Grant, type Issuer, Refused } from './issuer.ts';
import type { Person } from './person.ts';
import type { Seal } from './seal.ts';

/** Somebody who has signed in, with a token to ask others in their name. */
export interface Session {
  /** Random, and the same from signing in to signing out. */
  readonly id: string;
  readonly person: Person;
  readonly access: string;
}

/** Where a browser is sent, and what it is to keep. */
export interface Redirect {
  readonly to: string;
  readonly cookies: readonly string[];
}

/** A grant that was given, or is being asked for: then it doesn't end. */
interface Kept {
  readonly grant: Promise<Grant>;
  readonly until: number;
  readonly refresh: string | undefined;
  /** Of the newest refresh token, and of the one before it: requests that are on their way carry that. */
  readonly keys: readonly string[];
}

type Cookies = Readonly<Record<string, string>>;

const lasts = { attempt: 600, session: 12 * 3600 };
/** A token that ends within this time might end on its way to somebody. In milliseconds. */
const margin = 15_000;
const mostKept = 2000;

const random = (): string => randomBytes(32).toString('base64url');
const keyOf = (refresh: string): string => createHash('sha256').update(refresh).digest('base64');

/** A path on this server, never an address elsewhere. */
const here = (path: string): string => (/^\/(?![/\\])/.test(path) ? path : '/');

/**
 * Signing in by the issuer's code flow. A browser keeps a sealed cookie with the refresh token, so a session outlives a
 * pod; access tokens stay in memory. Groups are the issuer's of the last renewal: who is taken out of one is out here
 * when the short token ends.
 */
export class Sessions {
  readonly #issuer: Issuer;
  readonly #seal: Seal;
  readonly #url: string;
  readonly #grants = new Map<string, Kept>();

  constructor(issuer: Issuer, seal: Seal, url: string) {
    this.#issuer = issuer;
    this.#seal = seal;
    this.#url = url;
  }

  /** Throws `Unanswered`. */
  async begin(path: string): Promise<Redirect> {
    const [state, nonce, verifier] = [random(), random(), random()];
    const { authorization_endpoint } = await this.#issuer.addresses();
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: this.#issuer.clientId,
      redirect_uri: this.#callback,
      scope: 'openid profile email',
      state,
      nonce,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    const attempt = await this.#seal.close(
      'attempt',
      { state, nonce, verifier, path: here(path) },
      lasts.attempt,
    );
    return {
      to: `${authorization_endpoint}?${query}`,
      cookies: [cookie(names.attempt, attempt, lasts.attempt)],
    };
  }

  /** The browser came back. Throws `Refused`, `Unanswered`. */
  async finish(query: Readonly<Record<string, unknown>>, cookies: Cookies): Promise<Redirect> {
    const attempt = await this.#seal.open('attempt', cookies[names.attempt] ?? '');
    if (attempt === undefined || attempt['state'] !== query['state'])
      throw new Refused("this isn't the attempt to sign in that began here");
    if (typeof query['code'] !== 'string') throw new Refused('the issuer let nobody in');
    const grant = await this.#issuer.grant(
      {
        grant_type: 'authorization_code',
        code: query['code'],
        redirect_uri: this.#callback,
        code_verifier: String(attempt['verifier']),
      },
      String(attempt['nonce']),
    );
    if (grant.refresh === undefined) throw new Refused('the issuer gives no refresh token');
    this.#keep([keyOf(grant.refresh)], Promise.resolve(grant));
    return {
      to: here(String(attempt['path'])),
      cookies: [await this.#cookie(random(), grant.refresh), expired(names.attempt)],
    };
  }

  /** Ends the session here and at the issuer. Throws `Unanswered`. */
  async end(cookies: Cookies): Promise<Redirect> {
    const found = await this.#seal.open('session', cookies[names.session] ?? '');
    const kept = found && this.#grants.get(keyOf(String(found['refresh'])));
    if (kept !== undefined) this.#drop(kept);
    const { end_session_endpoint } = await this.#issuer.addresses();
    const query = new URLSearchParams({
      client_id: this.#issuer.clientId,
      post_logout_redirect_uri: `${this.#url}/`,
    });
    return {
      to: end_session_endpoint === undefined ? '/' : `${end_session_endpoint}?${query}`,
      cookies: [expired(names.session)],
    };
  }

  /** The session of these cookies, with a cookie where the browser must be given it anew. Throws `Unanswered`. */
  async current(
    cookies: Cookies,
  ): Promise<{ readonly session: Session; readonly cookie?: string } | undefined> {
    const found = await this.#seal.open('session', cookies[names.session] ?? '');
    if (found === undefined) return undefined;
    const [id, refresh] = [String(found['id']), String(found['refresh'])];
    try {
      const grant = await this.#grant(refresh);
      const session = { id, person: grant.person, access: grant.access };
      const next = grant.refresh ?? refresh;
      return next === refresh ? { session } : { session, cookie: await this.#cookie(id, next) };
    } catch (error) {
      if (error instanceof Refused) return undefined;
      throw error;
    }
  }

  get #callback(): string {
    return `${this.#url}/sign-in/callback`;
  }

  /** A page asks for several things at once: the issuer is asked once for all of them. */
  #grant(refresh: string): Promise<Grant> {
    const key = keyOf(refresh);
    const known = this.#grants.get(key);
    if (known !== undefined && known.until - margin > Date.now()) return known.grant;
    // An issuer that exchanges refresh tokens takes each once: the newest is asked with.
    const refresh_token = known?.refresh ?? refresh;
    return this.#keep(
      known?.keys ?? [key],
      this.#issuer.grant({ grant_type: 'refresh_token', refresh_token }),
    );
  }

  #keep(keys: readonly string[], grant: Promise<Grant>): Promise<Grant> {
    const kept: Kept = { grant, until: Number.POSITIVE_INFINITY, refresh: undefined, keys };
    this.#put(kept);
    grant.then(
      ({ until, refresh }) => {
        // Whoever signed out meanwhile stays so.
        if (!keys.some((key) => this.#grants.get(key) === kept)) return;
        this.#drop(kept);
        const next = refresh === undefined ? keys : [...new Set([...keys.slice(-1), keyOf(refresh)])];
        this.#put(Object.assign(kept, { until, refresh, keys: next }));
      },
      () => this.#drop(kept),
    );
    return grant;
  }

  #put(kept: Kept): void {
    for (const key of kept.keys) {
      this.#grants.delete(key);
      this.#grants.set(key, kept);
    }
    for (const oldest of this.#grants.keys()) {
      if (this.#grants.size <= mostKept) break;
      this.#grants.delete(oldest);
    }
  }

  #drop(kept: Kept): void {
    for (const key of kept.keys) if (this.#grants.get(key) === kept) this.#grants.delete(key);
  }

  async #cookie(id: string, refresh: string): Promise<string> {
    const sealed = await this.#seal.close('session', { id, refresh }, lasts.session);
    if (sealed.length > longest)
      throw new Refused("the issuer's refresh token is longer than a cookie may be");
    return cookie(names.session, sealed, lasts.session);
  }
}
