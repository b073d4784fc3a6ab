export { ExternalPostgres, type ExternalPostgresProps } from './external.ts';
export { InClusterPostgres, type InClusterPostgresProps } from './in-cluster.ts';
export { PostgresMetrics, type PostgresMetricsProps } from './metrics.ts';
