import type { DashboardSpec } from './build.ts';

/** For administrators: every series. */
export const platformDashboards: readonly DashboardSpec[] = [
  {
    uid: 'plinth-overview',
    title: 'Platform overview',
    source: 'platform',
    rows: [
      {
        title: 'Is it up',
        panels: [
          {
            title: 'Targets down',
            now: true,
            unit: 'short',
            queries: [['', 'count(up{team=""} == 0) or vector(0)']],
          },
          {
            title: 'Alerts firing',
            now: true,
            unit: 'short',
            queries: [['', 'count(ALERTS{alertstate="firing",alertname!="Watchdog"}) or vector(0)']],
          },
          {
            title: 'Starts of containers within an hour',
            now: true,
            unit: 'short',
            queries: [['', 'sum(changes(container_start_time_seconds{team=""}[1h])) or vector(0)']],
          },
          {
            title: 'Since the last update',
            says: 'By `make up`: a `pulumi up` by hand leaves nothing for Prometheus.',
            now: true,
            unit: 's',
            queries: [['{{stack}}', 'time() - max by (stack) (plinth_apply_end_timestamp_seconds)']],
          },
          {
            title: 'The last update applied everything',
            now: true,
            unit: 'short',
            queries: [['{{stack}}', 'min by (stack) (plinth_apply_succeeded)']],
          },
          {
            title: 'How long the last update took',
            now: true,
            unit: 's',
            queries: [['{{stack}}', 'max by (stack) (plinth_apply_duration_seconds)']],
          },
          { title: 'Targets by job', unit: 'short', queries: [['{{job}}', 'sum by (job) (up)']] },
        ],
      },
      {
        title: 'Requests',
        panels: [
          {
            title: 'Through the gateway, by address',
            unit: 'reqps',
            queries: [['{{service}}', 'sum by (service) (rate(traefik_service_requests_total[5m]))']],
          },
          {
            title: 'Failed (5xx), by address',
            unit: 'percentunit',
            queries: [
              [
                '{{service}}',
                'sum by (service) (rate(traefik_service_requests_total{code=~"5.."}[5m])) / sum by (service) (rate(traefik_service_requests_total[5m]))',
              ],
            ],
          },
          {
            title: 'MLflow',
            unit: 'reqps',
            queries: [['{{status}}', 'sum by (status) (rate(mlflow_http_request_total[5m]))']],
          },
          {
            title: 'Object store',
            unit: 'reqps',
            queries: [['{{type}} {{code}}', 'sum by (type, code) (rate(SeaweedFS_s3_request_total[5m]))']],
          },
          {
            title: 'Database: transactions',
            unit: 'ops',
            queries: [['{{datname}}', 'sum by (datname) (rate(pg_stat_database_xact_commit[5m]))']],
          },
          {
            title: 'Database: connections',
            unit: 'short',
            queries: [
              ['{{datname}}', 'sum by (datname) (pg_stat_database_numbackends)'],
              ['at most', 'max(pg_settings_max_connections)'],
            ],
          },
          {
            title: 'Kubernetes API',
            unit: 'reqps',
            queries: [['{{code}}', 'sum by (code) (rate(apiserver_request_total[5m]))']],
          },
        ],
      },
      {
        title: 'What it uses',
        panels: [
          {
            title: 'Memory by namespace',
            unit: 'bytes',
            queries: [['{{namespace}}', 'sum by (namespace) (container_memory_working_set_bytes)']],
          },
          {
            title: 'CPU by namespace',
            unit: 'cores',
            queries: [['{{namespace}}', 'sum by (namespace) (rate(container_cpu_usage_seconds_total[5m]))']],
          },
          {
            title: 'Nodes: memory in use',
            unit: 'bytes',
            queries: [
              ['{{node}}', 'sum by (node) (node_memory_working_set_bytes)'],
              ['{{node}} has', 'max by (node) (machine_memory_bytes)'],
            ],
          },
          {
            title: 'Nodes: disks, how full',
            unit: 'percentunit',
            queries: [
              [
                '{{node}} {{device}}',
                'max by (node, device) (container_fs_usage_bytes{job="nodes"}) / max by (node, device) (container_fs_limit_bytes{job="nodes"} > 0)',
              ],
            ],
          },
          {
            title: 'Nodes: network',
            unit: 'Bps',
            queries: [
              ['{{node}} in', 'sum by (node) (rate(container_network_receive_bytes_total{job="nodes"}[5m]))'],
              [
                '{{node}} out',
                'sum by (node) (rate(container_network_transmit_bytes_total{job="nodes"}[5m]))',
              ],
            ],
          },
        ],
      },
    ],
  },
  {
    uid: 'plinth-notebooks',
    title: 'Notebooks',
    source: 'platform',
    rows: [
      {
        title: 'JupyterHub',
        panels: [
          {
            title: 'Servers running',
            now: true,
            unit: 'short',
            queries: [['', 'sum(jupyterhub_running_servers)']],
          },
          {
            title: 'Active people',
            unit: 'short',
            queries: [['{{period}}', 'max by (period) (jupyterhub_active_users)']],
          },
          {
            title: 'Time until a server is there',
            unit: 's',
            queries: [50, 95].map((share) => [
              `p${share}`,
              `histogram_quantile(${share / 100}, sum by (le) (rate(jupyterhub_server_spawn_duration_seconds_bucket{status="success"}[15m])))`,
            ]),
          },
          {
            title: 'Starts by result',
            unit: 'short',
            queries: [
              [
                '{{status}}',
                'sum by (status) (increase(jupyterhub_server_spawn_duration_seconds_count[15m]))',
              ],
            ],
          },
          {
            title: 'Requests by code',
            unit: 'reqps',
            queries: [['{{code}}', 'sum by (code) (rate(jupyterhub_request_duration_seconds_count[5m]))']],
          },
        ],
      },
      {
        title: 'Servers',
        panels: [
          {
            title: 'Memory',
            unit: 'bytes',
            queries: [
              [
                '{{team}} {{pod}}',
                'sum by (team, pod) (container_memory_working_set_bytes{team!="",container="notebook"})',
              ],
            ],
          },
          {
            title: 'CPU',
            unit: 'cores',
            queries: [
              [
                '{{team}} {{pod}}',
                'sum by (team, pod) (rate(container_cpu_usage_seconds_total{team!="",container="notebook"}[5m]))',
              ],
            ],
          },
        ],
      },
    ],
  },
  {
    uid: 'plinth-spark',
    title: 'Spark',
    source: 'platform',
    rows: [
      {
        title: 'Executors',
        panels: [
          {
            title: 'Running, by team',
            unit: 'short',
            queries: [
              [
                '{{team}}',
                'count by (team) (container_start_time_seconds{container="spark-kubernetes-executor"})',
              ],
            ],
          },
          {
            title: 'Memory, by team',
            unit: 'bytes',
            queries: [
              [
                '{{team}}',
                'sum by (team) (container_memory_working_set_bytes{container="spark-kubernetes-executor"})',
              ],
            ],
          },
          {
            title: 'CPU, by team',
            unit: 'cores',
            queries: [
              [
                '{{team}}',
                'sum by (team) (rate(container_cpu_usage_seconds_total{container="spark-kubernetes-executor"}[5m]))',
              ],
            ],
          },
        ],
      },
    ],
  },
  {
    uid: 'plinth-pipelines',
    title: 'Pipelines',
    source: 'platform',
    rows: [
      {
        title: 'Airflow',
        panels: [
          {
            title: 'Scheduler heartbeats',
            says: 'None: nothing is started.',
            unit: 'ops',
            queries: [['', 'sum(rate(airflow_scheduler_heartbeat_total[5m]))']],
          },
          {
            title: 'Runs, by result',
            unit: 'short',
            queries: [
              [
                '{{team}} {{state}}',
                'sum by (team, state) (increase(airflow_dagrun_duration_seconds_count[15m]))',
              ],
            ],
          },
          {
            title: 'Tasks in the executor',
            unit: 'short',
            queries: [
              ['running', 'sum(airflow_executor_running_tasks)'],
              ['queued', 'sum(airflow_executor_queued_tasks)'],
            ],
          },
          {
            title: 'Length of runs',
            unit: 's',
            queries: [
              [
                '{{team}} {{dag}} p95',
                'histogram_quantile(0.95, sum by (le, team, dag) (rate(airflow_dagrun_duration_seconds_bucket[1h])))',
              ],
            ],
          },
          {
            title: 'Slots of pools',
            unit: 'short',
            queries: [['{{team}} {{state}}', 'sum by (team, state) (airflow_pool_slots)']],
          },
          {
            title: 'DAGs that can not be read',
            unit: 'short',
            queries: [['', 'max(airflow_dag_processing_import_errors)']],
          },
        ],
      },
    ],
  },
  {
    uid: 'plinth-models',
    title: 'Models',
    source: 'platform',
    rows: [
      {
        title: 'Through the inference gateway',
        panels: [
          {
            title: 'Requests',
            unit: 'reqps',
            queries: [
              ['{{model}} {{version}}', 'sum by (model, version) (rate(plinth_gateway_requests_total[5m]))'],
            ],
          },
          {
            title: 'Errors (5xx)',
            unit: 'percentunit',
            queries: [
              [
                '{{model}}',
                'sum by (model) (rate(plinth_gateway_requests_total{code=~"5.."}[5m])) / sum by (model) (rate(plinth_gateway_requests_total[5m]))',
              ],
            ],
          },
          {
            title: 'Refused (4xx)',
            unit: 'reqps',
            queries: [
              [
                '{{model}} {{code}}',
                'sum by (model, code) (rate(plinth_gateway_requests_total{code=~"4.."}[5m]))',
              ],
            ],
          },
          ...[50, 90, 99].map((share) => ({
            title: `Time to the whole answer, p${share}`,
            unit: 's' as const,
            queries: [
              [
                '{{model}} {{version}}',
                `histogram_quantile(${share / 100}, sum by (le, model, version) (rate(plinth_gateway_request_seconds_bucket[5m])))`,
              ],
            ] as const,
          })),
          {
            title: 'Fallen back to the stable predictor',
            unit: 'ops',
            queries: [
              ['{{model}} {{reason}}', 'sum by (model, reason) (rate(plinth_gateway_fallbacks_total[5m]))'],
            ],
          },
          {
            title: 'Waiting for their turn',
            unit: 'short',
            queries: [['{{model}}', 'sum by (model) (plinth_gateway_queued_requests)']],
          },
          {
            title: 'Without a valid token',
            unit: 'ops',
            queries: [['{{reason}}', 'sum by (reason) (rate(plinth_gateway_refused_tokens_total[5m]))']],
          },
        ],
      },
      {
        title: 'What they are asked, against what they were trained on',
        panels: [
          {
            title: 'Drift by field, as a part of its threshold',
            says: 'From 1 on it is an alert. services/prediction-log/README.md says what each check measures.',
            unit: 'short',
            queries: [
              [
                '{{model}} {{version}} {{field}}',
                'max by (model, version, field) (plinth_drift_score / on (check) group_left () max by (check) (plinth_drift_threshold))',
              ],
            ],
          },
          {
            title: 'Outliers, as a share of the rows that an outlier model judged',
            says: 'Of models whose route names one. From a fifth on it is an alert.',
            unit: 'percentunit',
            queries: [
              [
                '{{model}} {{version}}',
                'sum by (model, version) (rate(plinth_gateway_outlier_rows_total[5m])) / sum by (model, version) (rate(plinth_gateway_outlier_checked_rows_total[5m]))',
              ],
            ],
          },
          {
            title: 'Predictions logged',
            unit: 'ops',
            queries: [
              [
                '{{model}} {{version}}',
                'sum by (model, version) (rate(plinth_prediction_records_total[5m]))',
              ],
            ],
          },
          {
            title: 'Waiting for their file',
            unit: 's',
            queries: [['', 'max(plinth_prediction_backlog_seconds)']],
          },
        ],
      },
    ],
  },
  {
    uid: 'plinth-capacity',
    title: 'Capacity and cost per team',
    source: 'platform',
    rows: [
      {
        title: 'Teams',
        panels: [
          {
            title: 'Core hours of a day',
            says: 'CPU seconds used within 24 hours, as hours of one core: times the price of a core hour, what it cost.',
            unit: 'short',
            now: true,
            queries: [
              [
                '{{team}}',
                'sum by (team) (increase(container_cpu_usage_seconds_total{team!=""}[24h])) / 3600',
              ],
            ],
          },
          {
            title: 'GiB hours of a day',
            says: 'Mean of the memory in use over 24 hours, times 24.',
            unit: 'short',
            now: true,
            queries: [
              [
                '{{team}}',
                'sum by (team) (avg_over_time(container_memory_working_set_bytes{team!=""}[24h])) / 2^30 * 24',
              ],
            ],
          },
          {
            title: 'CPU',
            unit: 'cores',
            queries: [['{{team}}', 'sum by (team) (rate(container_cpu_usage_seconds_total{team!=""}[5m]))']],
          },
          {
            title: 'Memory',
            unit: 'bytes',
            queries: [['{{team}}', 'sum by (team) (container_memory_working_set_bytes{team!=""})']],
          },
          {
            title: 'Volumes: filled',
            unit: 'bytes',
            queries: [['{{namespace}}', 'sum by (namespace) (kubelet_volume_stats_used_bytes)']],
          },
        ],
      },
      {
        title: 'Nodes',
        panels: [
          {
            title: 'CPU in use',
            unit: 'cores',
            queries: [['{{node}}', 'sum by (node) (rate(node_cpu_usage_seconds_total[5m]))']],
          },
          {
            title: 'Pods',
            unit: 'short',
            queries: [['{{node}}', 'sum by (node) (kubelet_running_pods)']],
          },
          {
            title: 'Object store: disk left',
            unit: 'bytes',
            queries: [['', 'sum(SeaweedFS_volumeServer_resource{type="free"})']],
          },
        ],
      },
    ],
  },
];
