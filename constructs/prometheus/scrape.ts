import { lastApply, type MetricsSource } from '../contracts/index.ts';

/** What of a series a pod of a team may make Prometheus keep; a scrape that brings more is dropped whole. */
const teamLimits = { sample_limit: 20_000, label_limit: 40, label_value_length_limit: 1024 };

const selectorOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');

/** One job per source: the running pods that declare the port, found through the Kubernetes API. */
const podJob = (source: MetricsSource): object => {
  const { job, namespace, labels, port, path, team } = source;
  const selector = selectorOf(labels);
  return {
    job_name: job,
    metrics_path: path,
    ...(team === undefined ? {} : teamLimits),
    kubernetes_sd_configs: [
      {
        role: 'pod',
        namespaces: { names: [namespace] },
        ...(selector === '' ? {} : { selectors: [{ role: 'pod', label: selector }] }),
      },
    ],
    relabel_configs: [
      {
        source_labels: ['__meta_kubernetes_pod_container_port_number'],
        regex: String(port),
        action: 'keep',
      },
      { source_labels: ['__meta_kubernetes_pod_phase'], regex: 'Running', action: 'keep' },
      { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
      { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
      ...(team === undefined
        ? []
        : [
            { target_label: 'team', replacement: team },
            {
              source_labels: ['__meta_kubernetes_pod_label_app_kubernetes_io_name'],
              target_label: 'workload',
            },
          ]),
    ],
  };
};

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Encrypted, as this pod's ServiceAccount, trusting the cluster's own authority. */
const asServiceAccount = {
  scheme: 'https',
  authorization: { credentials_file: `${serviceAccount}/token` },
};

const keep = (...names: readonly string[]): object => ({
  source_labels: ['__name__'],
  regex: names.join('|'),
  action: 'keep',
});

/** Of the API server's tens of thousands of series, those that tell whether it works. */
const apiServerJob: object = {
  job_name: 'kubernetes-api',
  ...asServiceAccount,
  tls_config: { ca_file: `${serviceAccount}/ca.crt`, server_name: 'kubernetes.default.svc' },
  static_configs: [{ targets: ['kubernetes.default.svc:443'] }],
  metric_relabel_configs: [
    keep(
      'apiserver_request_total',
      'apiserver_current_inflight_requests',
      'apiserver_(resource|storage)_objects',
      'process_.+',
    ),
  ],
};

/** What runs in a team's namespace is the team's, also where the kubelet tells of it. */
const teamOf = (sources: readonly MetricsSource[]): readonly object[] =>
  sources.flatMap(({ namespace, team }) =>
    team === undefined
      ? []
      : [{ source_labels: ['namespace'], regex: namespace, target_label: 'team', replacement: team }],
  );

const kubeletJob = (job: string, path: string, relabelings: readonly object[]): object => ({
  job_name: job,
  metrics_path: path,
  ...asServiceAccount,
  tls_config: { ca_file: `${serviceAccount}/ca.crt` },
  kubernetes_sd_configs: [{ role: 'node' }],
  relabel_configs: [{ source_labels: ['__meta_kubernetes_node_name'], target_label: 'node' }],
  metric_relabel_configs: relabelings,
});

/**
 * Of what cAdvisor in the kubelet counts, the node's own: the file systems and links of the root control group. What
 * single containers use is in `/metrics/resource`.
 */
const ofTheNode: readonly object[] = [
  {
    source_labels: ['__name__', 'id'],
    regex: 'machine_(cpu_cores|memory_bytes);.*|container_(fs_(usage|limit)|network_.+)_bytes(_total)?;/',
    action: 'keep',
  },
  // Links of pods come and go: of the node's there are few. What is in memory fills no disk.
  { source_labels: ['interface'], regex: 'veth.*|cali.*|lxc.*|ifb.*', action: 'drop' },
  { source_labels: ['device'], regex: '/dev/shm|/sys/.*|/run/.*|overlay.*|tmpfs|shm', action: 'drop' },
  { regex: 'id|machine_id|system_uuid|boot_id', action: 'labeldrop' },
];

/** CPU and memory of nodes, pods and containers, how full volumes are, and disks and network of nodes. */
const kubeletJobs = (sources: readonly MetricsSource[]): readonly object[] => {
  const few = keep('kubelet_volume_stats_.+', 'kubelet_running_.+', 'process_.+');
  return [
    kubeletJob('containers', '/metrics/resource', teamOf(sources)),
    kubeletJob('kubelet', '/metrics', [few, ...teamOf(sources)]),
    // Thousands of series are sent for a few.
    { ...kubeletJob('nodes', '/metrics/cadvisor', ofTheNode), scrape_interval: '60s' },
  ];
};

/** Where the ConfigMap that `lastApply` names is mounted. */
export const applyFolder = '/etc/plinth/last-apply';

/** What Prometheus serves of it: itself is the target, which is found only once there is something. */
const applyJob: object = {
  job_name: lastApply.job,
  metrics_path: `/user/${lastApply.metrics}`,
  file_sd_configs: [{ files: [`${applyFolder}/${lastApply.targets}`], refresh_interval: '1m' }],
};

export interface ScrapeProps {
  readonly sources: readonly MetricsSource[];
  /** Whether the kubelets may be asked. */
  readonly nodes: boolean;
  readonly alertmanager: { readonly host: string; readonly port: number };
  readonly retention: { readonly days: number; readonly mebibytes: number };
}

/** Jobs that must have a target at all times; a team may run nothing. */
export const expectedJobs = ({ sources, nodes }: Pick<ScrapeProps, 'sources' | 'nodes'>): readonly string[] =>
  [
    ...sources.filter(({ team }) => team === undefined).map(({ job }) => job),
    'kubernetes-api',
    ...(nodes ? ['containers', 'kubelet', 'nodes'] : []),
  ].sort();

/** prometheus.yml, in the words of Prometheus' own documentation. */
export const prometheusConfig = (props: ScrapeProps): object => ({
  global: { scrape_interval: '30s', scrape_timeout: '10s', evaluation_interval: '30s' },
  storage: {
    tsdb: {
      retention: { time: `${props.retention.days}d`, size: `${props.retention.mebibytes}MB` },
    },
  },
  rule_files: ['/etc/plinth/prometheus/rules.yml'],
  alerting: {
    alertmanagers: [
      { static_configs: [{ targets: [`${props.alertmanager.host}:${props.alertmanager.port}`] }] },
    ],
  },
  scrape_configs: [
    ...props.sources.map(podJob),
    apiServerJob,
    applyJob,
    ...(props.nodes ? kubeletJobs(props.sources) : []),
  ],
});
