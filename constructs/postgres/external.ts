import type { Construct } from 'constructs';
import {
  type Consumer,
  connect,
  type DatabaseGrantProps,
  type DatabaseKey,
  type Endpoint,
  type PostgresServer,
  type PostgresTls,
  type SecretRef,
  SecretRequest,
  text,
} from '../contracts/index.ts';
import { ComponentChart, type Home } from '../kit/index.ts';
import { Logins, loginSecret } from './logins.ts';

export interface ExternalPostgresProps {
  readonly home: Home;
  readonly host: string;
  readonly port: number;
  /** Addresses of the server, for the network policies. */
  readonly cidr: string;
  /**
   * Name of a Secret in the home namespace with `username` and `password` of an administrator: Plinth then makes
   * databases and logins. Unset: databases and each consumer's Secret `<database>-database` are there before.
   */
  readonly administratorSecret?: string;
  /**
   * Name of a Secret with the authority that signed the server's certificate, under `ca.crt`; in the home namespace
   * and in each consumer's. Unset: connections are encrypted, and whom they lead to isn't checked.
   */
  readonly authoritySecret?: string;
}

const authorityFolder = '/run/postgres-authority';

/** A PostgreSQL server that somebody else runs; connections are encrypted. */
export class ExternalPostgres extends ComponentChart implements PostgresServer {
  readonly endpoint: Endpoint<'postgres'>;
  readonly tls: PostgresTls;
  readonly #authoritySecret: string | undefined;
  readonly #logins: Logins | undefined;
  readonly #given = new Map<string, SecretRef<DatabaseKey>>();

  constructor(scope: Construct, props: ExternalPostgresProps) {
    super(scope, 'postgres', { home: props.home });
    this.#authoritySecret = props.authoritySecret;
    this.tls =
      props.authoritySecret === undefined
        ? { sslMode: 'require' }
        : { sslMode: 'verify-full', rootCertificate: `${authorityFolder}/ca.crt` };
    this.endpoint = {
      kind: 'postgres',
      host: props.host,
      port: props.port,
      peer: { kind: 'addresses', cidr: props.cidr },
    };
    if (props.administratorSecret === undefined) return;
    const administrator = new SecretRequest(this, 'Administrator', {
      namespace: props.home.name,
      name: props.administratorSecret,
      source: 'preCreated',
      values: { username: text(''), password: text('') },
    });
    this.#logins = new Logins(this, {
      endpoint: this.endpoint,
      administrator: { secret: administrator.ref },
      tls: this.tls,
      trust: (consumer) => this.#trust(consumer),
    });
  }

  grantOwner(consumer: Consumer, props: DatabaseGrantProps): SecretRef<DatabaseKey> {
    this.#trust(consumer);
    if (this.#logins !== undefined) return this.#logins.grant(consumer, props);
    connect(consumer, this.endpoint);
    const secret =
      this.#given.get(props.database) ??
      loginSecret(consumer, props, { endpoint: this.endpoint, tls: this.tls }, 'preCreated').ref;
    this.#given.set(props.database, secret);
    consumer.rollWith(secret.name, props.generation);
    return secret;
  }

  #trust(consumer: Consumer): void {
    if (this.#authoritySecret !== undefined) consumer.mountSecret?.(this.#authoritySecret, authorityFolder);
  }

  withdrawOld(chart: ComponentChart): void {
    this.#logins?.withdrawOld(chart);
  }
}
