import { Duration } from 'cdk8s';
import type { Alert } from '../contracts/index.ts';

export const alerts: readonly Alert[] = [
  {
    name: 'AirflowSchedulerStuck',
    expr: 'rate(airflow_scheduler_heartbeat_total[5m]) == 0',
    for: Duration.minutes(5),
    severity: 'critical',
    summary: "Airflow's scheduler has had no heartbeat for ten minutes: no task starts",
  },
  {
    name: 'AirflowImportErrors',
    expr: 'airflow_dag_processing_import_errors > 0',
    for: Duration.minutes(15),
    severity: 'warning',
    summary: '{{ $value }} file(s) of DAGs can not be read, so what they say does not run',
  },
  {
    name: 'AirflowTasksWait',
    expr: 'airflow_scheduler_tasks_starving > 0',
    for: Duration.minutes(30),
    severity: 'warning',
    summary: '{{ $value }} task(s) have waited for a slot of their pool for half an hour',
  },
];
