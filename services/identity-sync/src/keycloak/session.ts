import KeycloakAdminClient, { NetworkError } from '@keycloak/keycloak-admin-client';

export interface SessionProps {
  readonly url: string;
  readonly clientId: string;
  readonly secret: string;
  readonly secretBefore: string | undefined;
}

/** Tokens of the realm `master` live a minute: one is used for half of that. */
const tokenMilliseconds = 30_000;
const requestMilliseconds = 30_000;

/** Signs in as an administrating client, again whenever its token is old; rotates its own secret. */
export class Session {
  readonly #props: SessionProps;
  readonly #client: KeycloakAdminClient;
  #since = Number.NEGATIVE_INFINITY;
  #token: string | undefined;

  constructor(props: SessionProps) {
    this.#props = props;
    this.#client = this.#connection();
    this.#client.registerTokenProvider({ getAccessToken: () => this.#present() });
  }

  /** A client that is signed in. Rejects when neither secret is accepted or Keycloak can't be reached. */
  async open(): Promise<KeycloakAdminClient> {
    await this.#present();
    return this.#client;
  }

  /** The next request signs in again. */
  renew(): void {
    this.#since = Number.NEGATIVE_INFINITY;
  }

  async #present(): Promise<string | undefined> {
    if (performance.now() - this.#since < tokenMilliseconds) return this.#token;
    const { secret, secretBefore } = this.#props;
    const since = performance.now();
    try {
      this.#token = await this.#signIn(secret);
    } catch (error) {
      const refused = error instanceof NetworkError && [400, 401].includes(error.response.status);
      if (!refused || secretBefore === undefined || secretBefore === secret) throw error;
      await this.#rotate(secretBefore);
      this.#token = await this.#signIn(secret);
    }
    this.#since = since;
    return this.#token;
  }

  async #signIn(clientSecret: string): Promise<string> {
    const connection = this.#connection();
    await this.#authenticate(connection, clientSecret);
    return connection.accessToken ?? '';
  }

  /** Sets the present secret, signed in with the one before. */
  async #rotate(before: string): Promise<void> {
    const connection = this.#connection();
    await this.#authenticate(connection, before);
    const [own] = await connection.clients.find({ realm: 'master', clientId: this.#props.clientId });
    if (own?.id === undefined) throw new Error(`the realm master has no client ${this.#props.clientId}`);
    await connection.clients.update({ realm: 'master', id: own.id }, { ...own, secret: this.#props.secret });
  }

  #authenticate(connection: KeycloakAdminClient, clientSecret: string): Promise<void> {
    const { clientId } = this.#props;
    return connection.auth({ grantType: 'client_credentials', clientId, clientSecret });
  }

  #connection(): KeycloakAdminClient {
    return new KeycloakAdminClient({
      baseUrl: this.#props.url,
      realmName: 'master',
      timeout: requestMilliseconds,
    });
  }
}
