import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import type { Alert, Observable, PostgresServer } from '../contracts/index.ts';
import { ComponentChart, type Home, HttpService, Pods } from '../kit/index.ts';

export interface PostgresMetricsProps {
  readonly home: Home;
  readonly server: PostgresServer;
  /** Generation of its login, from 1 on. */
  readonly generation: number;
}

const port = 9187;

const alerts: readonly Alert[] = [
  {
    name: 'DatabaseDown',
    expr: 'pg_up == 0',
    for: Duration.minutes(2),
    severity: 'critical',
    summary: 'PostgreSQL refuses connections: MLflow, Keycloak and whatever else has a database there fail',
  },
  {
    name: 'DatabaseConnectionsRunOut',
    expr: [
      'sum by (job, namespace) (pg_stat_database_numbackends)',
      '  / sum by (job, namespace) (pg_settings_max_connections) > 0.85',
    ].join('\n'),
    for: Duration.minutes(10),
    severity: 'warning',
    summary: 'PostgreSQL has {{ $value | humanizePercentage }} of the connections that it takes',
  },
  {
    name: 'DatabaseDeadlocks',
    expr: 'sum by (job, namespace, datname) (increase(pg_stat_database_deadlocks[15m])) > 5',
    for: Duration.minutes(5),
    severity: 'warning',
    summary: 'Transactions of database {{ $labels.datname }} wait for each other over and over',
  },
];

/**
 * What PostgreSQL counts, as Prometheus reads it. It signs in like any owner of a database, to one of its own that stays
 * empty: it sees how much every database does and nothing of what is in them.
 */
export class PostgresMetrics extends ComponentChart {
  readonly observable: Observable;

  constructor(scope: Construct, props: PostgresMetricsProps) {
    super(scope, 'postgres-metrics', { home: props.home });
    const pods = new Pods(this, 'Pods', { name: 'postgres-metrics', component: 'postgres', userId: 65_532 });
    const login = props.server.grantOwner(pods, { database: 'metrics', generation: props.generation });
    const service = new HttpService(this, 'Service', {
      pods,
      replicas: 1,
      containers: [
        {
          name: 'postgres-exporter',
          image: image('postgres-exporter'),
          command: [
            'postgres_exporter',
            `--web.listen-address=:${port}`,
            // These ask for rights over the server or over other databases.
            '--no-collector.database',
            '--no-collector.wal',
            '--no-collector.replication_slot',
          ],
          env: { DATA_SOURCE_NAME: login.env('url') },
          ports: { http: port },
          size: { cpu: Cpu.millis(10), memory: Size.mebibytes(32), memoryLimit: Size.mebibytes(64) },
          probe: { kind: 'http', port, path: '/' },
        },
      ],
    });
    this.observable = { metrics: [service.metrics('http')], alerts };
  }
}
