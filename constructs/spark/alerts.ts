import { Duration } from 'cdk8s';
import type { Alert, RecordingRule } from '../contracts/index.ts';

/** Executors that run now, by team; the driver is in the same list and no executor. */
export const recordings: readonly RecordingRule[] = [
  {
    record: 'team:spark_executors:count',
    expr: 'count by (team) (metrics_executor_maxTasks{executor_id!="driver"})',
  },
];

export const alerts: readonly Alert[] = [
  {
    name: 'SparkSubmissionsFail',
    expr: 'sum by (job, namespace, team) (increase(spark_application_failed_submission_count{job="spark-operator"}[30m])) > 0',
    for: Duration.minutes(5),
    severity: 'warning',
    summary: 'Applications of {{ $labels.team }} could not be submitted in the last half hour',
  },
  {
    name: 'SparkOperatorBehind',
    expr: 'sum by (job, namespace, name) (workqueue_depth{job="spark-operator"}) > 10',
    for: Duration.minutes(15),
    severity: 'warning',
    summary: 'The Spark operator has {{ $value }} changes of {{ $labels.name }} waiting',
  },
];
