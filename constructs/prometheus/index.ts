export { seriesAudience } from './access.ts';
export { Alertmanager, type AlertmanagerProps, type AlertReceiver } from './alertmanager.ts';
export { Prometheus, type PrometheusProps } from './prometheus.ts';
