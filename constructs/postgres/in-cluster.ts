import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type Consumer,
  type DatabaseGrantProps,
  type DatabaseKey,
  derived,
  type Endpoint,
  type PostgresServer,
  type SecretRef,
  SecretRequest,
  text,
  value,
} from '../contracts/index.ts';
import { ComponentChart, DataVolume, type Home, Pods, StatefulService } from '../kit/index.ts';
import { Logins } from './logins.ts';

export interface InClusterPostgresProps {
  readonly home: Home;
  readonly storage: Size;
  /** Asked for, and the limit. */
  readonly memory: Size;
}

/** PostgreSQL as one pod with one volume: for a lab or a small installation; it has no standby. */
export class InClusterPostgres extends ComponentChart implements PostgresServer {
  readonly endpoint: Endpoint<'postgres'>;
  readonly tls = { sslMode: 'disable' } as const;
  readonly service: StatefulService;
  readonly #logins: Logins;

  constructor(scope: Construct, props: InClusterPostgresProps) {
    super(scope, 'postgres', { home: props.home });
    const pods = new Pods(this, 'Pods', {
      name: 'postgres',
      component: 'postgres',
      userId: 26_000,
      graceSeconds: 60,
    });
    const administrator = new SecretRequest(this, 'Administrator', {
      namespace: props.home.name,
      name: 'postgres-administrator',
      values: {
        username: text('postgres'),
        // Not rotatable: initdb sets it, and every login of a consumer has generations of its own.
        password: derived({ owner: 'postgres', role: 'administrator', key: 'password', generation: 1 }),
      },
    });
    pods.startAfter(administrator);
    const data = new DataVolume(this, 'Data', { name: 'postgres', size: props.storage });
    this.service = new StatefulService(this, 'Service', {
      pods,
      containers: [
        {
          name: 'postgres',
          image: image('postgres'),
          env: {
            PGDATA: value('/var/lib/postgresql/data/main'),
            POSTGRES_PASSWORD_FILE: value('/run/administrator/password'),
          },
          ports: { postgres: 5432 },
          size: { cpu: Cpu.millis(100), memory: props.memory },
          mounts: [
            { path: '/var/lib/postgresql/data', from: { kind: 'claim', claim: data } },
            {
              path: '/run/administrator',
              from: { kind: 'secret', secret: administrator.ref },
              readOnly: true,
            },
            { path: '/run/postgresql', from: { kind: 'scratch', name: 'socket', limit: Size.mebibytes(16) } },
          ],
          probe: { kind: 'command', command: ['pg_isready', '--host=127.0.0.1', '--quiet'] },
        },
      ],
    });
    this.endpoint = this.service.endpoint('postgres', 'postgres');
    this.#logins = new Logins(this, {
      endpoint: this.endpoint,
      administrator: { secret: administrator.ref },
      tls: this.tls,
      server: this.service,
    });
  }

  grantOwner(consumer: Consumer, props: DatabaseGrantProps): SecretRef<DatabaseKey> {
    return this.#logins.grant(consumer, props);
  }

  withdrawOld(chart: ComponentChart): void {
    this.#logins.withdrawOld(chart);
  }
}
