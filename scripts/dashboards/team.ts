import type { DashboardSpec } from './build.ts';

/** For a team: its own series, which the data source holds every query to. No query names the team. */
export const teamDashboard: DashboardSpec = {
  uid: 'plinth-TEAM',
  title: 'TEAM',
  source: 'team',
  rows: [
    {
      title: 'What runs',
      panels: [
        {
          title: 'CPU by pod',
          unit: 'cores',
          queries: [['{{pod}}', 'sum by (pod) (rate(container_cpu_usage_seconds_total[5m]))']],
        },
        {
          title: 'Memory by pod',
          unit: 'bytes',
          queries: [['{{pod}}', 'sum by (pod) (container_memory_working_set_bytes)']],
        },
        {
          title: 'Starts of containers within an hour',
          unit: 'short',
          queries: [
            ['{{pod}} {{container}}', 'sum by (pod, container) (changes(container_start_time_seconds[1h]))'],
          ],
        },
      ],
    },
    {
      title: 'What it cost',
      panels: [
        {
          title: 'Core hours of a day',
          unit: 'short',
          now: true,
          queries: [['', 'sum(increase(container_cpu_usage_seconds_total[24h])) / 3600']],
        },
        {
          title: 'GiB hours of a day',
          unit: 'short',
          now: true,
          queries: [['', 'sum(avg_over_time(container_memory_working_set_bytes[24h])) / 2^30 * 24']],
        },
      ],
    },
    {
      title: 'What it measures itself',
      panels: [
        { title: 'Pods that answer', unit: 'short', queries: [['{{workload}}', 'sum by (workload) (up)']] },
      ],
    },
  ],
};
