import { readFileSync } from 'node:fs';
import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { IDependable } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type Consumer,
  connect,
  type DatabaseGrantProps,
  type DatabaseKey,
  derived,
  type Endpoint,
  joined,
  type PostgresTls,
  type SecretRef,
  SecretRequest,
  type SecretValue,
  text,
  value,
} from '../contracts/index.ts';
import { BatchJob, type ComponentChart, ConfigFiles, Pods } from '../kit/index.ts';

/** Administrator of a server: may make roles and databases. */
export interface Administrator {
  readonly secret: SecretRef<'username' | 'password'>;
}

export interface LoginsProps {
  readonly endpoint: Endpoint<'postgres'>;
  readonly administrator: Administrator;
  readonly tls: PostgresTls;
  /** Gives pods what they need to know the server by. */
  readonly trust?: (consumer: Consumer) => void;
  /** The server, where it is the platform's own and must be there first. */
  readonly server?: IDependable;
}

interface Grant extends DatabaseGrantProps {
  readonly consumer: Consumer;
}

const sql = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8');
const small = { cpu: Cpu.millis(20), memory: Size.mebibytes(64) };

const loginName = ({ database, generation }: DatabaseGrantProps): string => `${database}_g${generation}`;

export const passwordOf = ({ database, generation }: DatabaseGrantProps): SecretValue =>
  derived({ owner: database, role: 'database', key: 'password', generation });

/** The Secret that a consumer gets in its own namespace. */
export const loginSecret = (
  consumer: Consumer,
  grant: DatabaseGrantProps,
  { endpoint, tls }: Pick<LoginsProps, 'endpoint' | 'tls'>,
  source: 'plinth' | 'preCreated' = 'plinth',
): SecretRequest<DatabaseKey> => {
  const login = loginName(grant);
  const root = tls.rootCertificate === undefined ? '' : `&sslrootcert=${tls.rootCertificate}`;
  const address = `@${endpoint.host}:${endpoint.port}/${grant.database}?sslmode=${tls.sslMode}${root}`;
  return new SecretRequest(consumer.scope, `Database-${grant.database}`, {
    namespace: consumer.namespace,
    name: `${grant.database}-database`,
    generation: grant.generation,
    source,
    values: {
      url: joined(`postgresql://${login}:`, passwordOf(grant), address),
      sqlalchemyUrl: joined(`postgresql+psycopg2://${login}:`, passwordOf(grant), address),
      host: text(endpoint.host),
      port: text(String(endpoint.port)),
      database: text(grant.database),
      username: text(login),
      password: passwordOf(grant),
    },
  });
};

/**
 * Databases, owner roles and logins on a server that Plinth may administer. Each generation is a login of its
 * own, so the next one is valid before its consumer rolls, and the last one ends after.
 */
export class Logins {
  readonly #chart: ComponentChart;
  readonly #props: LoginsProps;
  readonly #files: ConfigFiles;
  readonly #grants: Grant[] = [];
  readonly #provisioned = new Map<
    string,
    { readonly login: SecretRequest<DatabaseKey>; readonly job: BatchJob }
  >();

  constructor(chart: ComponentChart, props: LoginsProps) {
    this.#chart = chart;
    this.#props = props;
    this.#files = new ConfigFiles(chart, 'Sql', {
      name: 'postgres-sql',
      files: { 'provision.sql': sql('provision.sql'), 'withdraw.sql': sql('withdraw.sql') },
    });
  }

  /** Another workload of the same owner, in the same namespace, gets the login that the first one got. */
  grant(consumer: Consumer, props: DatabaseGrantProps): SecretRef<DatabaseKey> {
    connect(consumer, this.#props.endpoint);
    const { login, job } = this.#provisioned.get(props.database) ?? this.#provision(consumer, props);
    consumer.startAfter(login, job);
    consumer.rollWith(login.ref.name, props.generation);
    this.#grants.push({ ...props, consumer });
    return login.ref;
  }

  #provision(consumer: Consumer, props: DatabaseGrantProps) {
    const login = loginSecret(consumer, props, this.#props);
    const password = new SecretRequest(this.#chart, `Login-${props.database}`, {
      namespace: this.#chart.home.name,
      name: `postgres-login-${props.database}`,
      generation: props.generation,
      values: { password: passwordOf(props) },
    });
    const job = this.#job(this.#chart, `provision-${props.database}`, props, 'provision.sql', password);
    const provisioned = { login, job };
    this.#provisioned.set(props.database, provisioned);
    return provisioned;
  }

  /** Ends the logins of earlier generations, once their consumers run with the new ones. */
  withdrawOld(chart: ComponentChart): void {
    for (const grant of new Map(this.#grants.map((each) => [each.database, each])).values()) {
      if (grant.generation === 1) continue;
      const job = this.#job(chart, `withdraw-${grant.database}`, grant, 'withdraw.sql');
      job.node.addDependency(grant.consumer.scope);
    }
  }

  #job(
    chart: ComponentChart,
    task: string,
    grant: DatabaseGrantProps,
    script: string,
    password?: SecretRequest<'password'>,
  ): BatchJob {
    const { endpoint, administrator, tls, trust, server } = this.#props;
    const pods = new Pods(chart, `Pods-${task}`, {
      name: `postgres-${task}`,
      component: 'postgres',
      userId: 26_000,
    });
    connect(pods, endpoint);
    trust?.(pods);
    if (server !== undefined) pods.startAfter(server);
    if (password !== undefined) pods.startAfter(password);
    return new BatchJob(chart, `Job-${task}`, {
      pods,
      deadline: Duration.minutes(5),
      runsAgainWith: grant.generation,
      container: {
        name: 'psql',
        image: image('postgres'),
        command: ['psql', '--no-psqlrc', '--quiet', `--file=/sql/${script}`],
        env: {
          PGHOST: value(endpoint.host),
          PGPORT: value(String(endpoint.port)),
          PGDATABASE: value('postgres'),
          PGSSLMODE: value(tls.sslMode),
          ...(tls.rootCertificate === undefined ? {} : { PGSSLROOTCERT: value(tls.rootCertificate) }),
          PGCONNECT_TIMEOUT: value('10'),
          PGUSER: administrator.secret.env('username'),
          PGPASSWORD: administrator.secret.env('password'),
          PLINTH_DATABASE: value(grant.database),
          PLINTH_LOGIN: value(loginName(grant)),
          ...(password === undefined ? {} : { PLINTH_PASSWORD: password.ref.env('password') }),
        },
        size: small,
        mounts: [{ path: '/sql', from: { kind: 'files', files: this.#files }, readOnly: true }],
      },
    });
  }
}
