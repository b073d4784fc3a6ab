import { Size, Yaml } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  connect,
  type Endpoint,
  lastApply,
  type MetricsSource,
  type Observable,
  type Peer,
} from '../contracts/index.ts';
import {
  ComponentChart,
  ConfigFiles,
  DataVolume,
  type Home,
  Pods,
  StatefulService,
  serviceEndpoint,
} from '../kit/index.ts';
import { type Access, externalUrl, forAdministrators, forTeams } from './access.ts';
import { applyAlerts, kubernetesAlerts, nodeAlerts, ownAlerts, scrapeAlerts } from './alerts.ts';
import { rights } from './rights.ts';
import { type RuleGroup, ruleFile } from './rules.ts';
import { applyFolder, expectedJobs, prometheusConfig } from './scrape.ts';

export interface PrometheusProps {
  readonly home: Home;
  readonly kubernetes: Endpoint<'kubernetes'>;
  /** Addresses of the nodes, whose kubelets are asked; unset, they aren't. */
  readonly nodeCidr?: string;
  /** Everything that has something to measure, Alertmanager included. */
  readonly observed: readonly Observable[];
  /** The namespaces of what is observed: it may list pods there and nowhere else. */
  readonly watched: readonly Home[];
  /**
   * What is older than so many days goes, and younger series too when the volume (whole GiB) is full. Series of the last
   * hours are in `memory` too, which is the limit; a quarter of it is asked for.
   */
  readonly keeps: { readonly days: number; readonly storage: Size; readonly memory: Size };
  readonly alertmanager: Endpoint<'http'>;
  /** Unset: it is reached from inside the cluster only. */
  readonly access?: Access & { readonly teams: readonly string[] };
}

const port = 9090;
const kubeletPort = 10_250;

/** How much of the volume blocks may take: compaction and the write-ahead log need the rest. */
const shareForBlocks = 0.8;

/**
 * Asks every source for its metrics, keeps them, and evaluates rules. Jobs, paths and rules come from what is
 * observed: what isn't among it isn't reached. A change of the rules restarts the one pod, which misses a scrape.
 */
export class Prometheus extends ComponentChart {
  readonly endpoint: Endpoint<'http'>;

  constructor(scope: Construct, props: PrometheusProps) {
    super(scope, 'prometheus', { home: props.home });
    this.node.addDependency(...props.watched);
    const pods = new Pods(this, 'Pods', {
      name: 'prometheus',
      component: 'prometheus',
      userId: 65_532,
      usesKubernetesApi: true,
      graceSeconds: 60,
    });
    const { namespace, labels, connections } = pods;
    const own: MetricsSource = { job: 'prometheus', namespace, labels, port, path: '/metrics', connections };
    this.endpoint = serviceEndpoint(pods, 'http', port);
    const sources = [...props.observed.flatMap(({ metrics }) => metrics), own, ...this.#doors(props.access)];
    this.#openPaths(pods, sources, props);
    const nodes = props.nodeCidr !== undefined;
    pods.startAfter(...rights(this, pods, { watched: props.watched, nodes }));
    const files = this.#files(sources, nodes, props);
    const data = new DataVolume(this, 'Data', { name: 'prometheus', size: props.keeps.storage });
    new StatefulService(this, 'Service', {
      pods,
      containers: [
        {
          name: 'prometheus',
          image: image('prometheus'),
          command: serverCommand(props.access),
          ports: { http: port },
          size: {
            cpu: Cpu.millis(50),
            memory: Size.mebibytes(props.keeps.memory.toMebibytes() / 4),
            memoryLimit: props.keeps.memory,
          },
          mounts: [
            { path: '/prometheus', from: { kind: 'claim', claim: data } },
            { path: '/etc/plinth/prometheus', from: { kind: 'files', files }, readOnly: true },
            {
              path: applyFolder,
              from: { kind: 'foreignFiles', name: lastApply.configMap },
              readOnly: true,
            },
          ],
          // It reads its log of the last hours first, which takes minutes where there are many series.
          probe: { kind: 'http', port, path: '/-/ready', startSeconds: 900 },
        },
      ],
    });
  }

  #doors(access: PrometheusProps['access']): readonly MetricsSource[] {
    if (access === undefined) return [];
    const { teams, ...rest } = access;
    return [
      forAdministrators(this, 'prometheus', this.endpoint, rest),
      ...forTeams(this, this.endpoint, teams, rest),
    ];
  }

  #files(sources: readonly MetricsSource[], nodes: boolean, props: PrometheusProps): ConfigFiles {
    const { alertmanager, keeps, observed } = props;
    const config = prometheusConfig({
      sources,
      nodes,
      alertmanager,
      retention: {
        days: keeps.days,
        mebibytes: Math.floor(keeps.storage.toMebibytes() * shareForBlocks),
      },
    });
    const rules = ruleFile(groups(observed, expectedJobs({ sources, nodes }), nodes));
    return new ConfigFiles(this, 'Files', {
      name: 'prometheus-files',
      files: { 'prometheus.yml': Yaml.stringify(config), 'rules.yml': Yaml.stringify(rules) },
    });
  }

  #openPaths(pods: Pods, sources: readonly MetricsSource[], props: PrometheusProps): void {
    connect(pods, props.kubernetes);
    connect(pods, props.alertmanager);
    if (props.nodeCidr !== undefined)
      pods.connections.allowTo({ kind: 'addresses', cidr: props.nodeCidr }, kubeletPort);
    for (const source of sources) {
      pods.connections.allowTo(peerOf(source), source.port);
      source.connections.allowFrom(pods.peer, source.port);
    }
  }
}

const serverCommand = (access: Access | undefined): readonly string[] => [
  'prometheus',
  '--config.file=/etc/plinth/prometheus/prometheus.yml',
  '--storage.tsdb.path=/prometheus',
  `--web.listen-address=:${port}`,
  // Served below /user: the files that the job of the last apply reads.
  `--web.user-assets=${applyFolder}`,
  ...externalUrl('prometheus', access),
];

const peerOf = ({ namespace, labels }: MetricsSource): Peer =>
  Object.keys(labels).length === 0 ? { kind: 'namespace', namespace } : { kind: 'pods', namespace, labels };

/** A group per component, named as its first job, then what is true of all. */
const groups = (
  observed: readonly Observable[],
  jobs: readonly string[],
  nodes: boolean,
): readonly RuleGroup[] => [
  ...observed.flatMap((observable) => {
    const name = observable.metrics[0]?.job;
    const rules = (observable.alerts?.length ?? 0) + (observable.recordings?.length ?? 0);
    return name === undefined || rules === 0 ? [] : [{ name, observable }];
  }),
  { name: 'targets', observable: { alerts: scrapeAlerts(jobs) } },
  { name: 'monitoring', observable: { alerts: ownAlerts } },
  { name: 'kubernetes', observable: { alerts: [...kubernetesAlerts, ...(nodes ? nodeAlerts : [])] } },
  { name: 'apply', observable: { alerts: applyAlerts } },
];
