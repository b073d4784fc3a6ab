import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import { type Endpoint, type EnvSource, SecretRef, SecretRequest, value } from '../contracts/index.ts';
import { ComponentChart, ConfigFiles, type Home, HttpService, Pods } from '../kit/index.ts';
import { connection, userId } from './connections.ts';
import { file } from './file.ts';

/** A git repository of DAGs, with a folder for each team. */
export interface DagSource {
  readonly url: string;
  readonly branch: string;
  /** Folder of the repository that has the teams' folders; unset: its root. */
  readonly folder?: string;
  readonly endpoint: Endpoint<'http' | 'https'>;
  /**
   * Secret with `username` and `password` of somebody who may read the repository, there before in Airflow's namespace
   * and in each team's. Unset: everybody may.
   */
  readonly secret?: string;
  /** Set: a commit may be gone while a run of it goes on, so that tasks take what is on the branch. */
  readonly withoutHistory?: true;
}

const connectionId = 'dags_git';

/** A bundle per team, named as the team is: what is in it is the team's. */
export const dagBundles = (source: DagSource, teams: readonly string[]): string =>
  JSON.stringify(
    teams.map((team) => ({
      name: team,
      classpath: 'airflow.providers.git.bundles.git.GitDagBundle',
      kwargs: {
        repo_url: source.url,
        tracking_ref: source.branch,
        subdir: [source.folder, team].filter(Boolean).join('/'),
        refresh_interval: 60,
        git_conn_id: connectionId,
      },
    })),
  );

/** The connection by which a process clones the repository. Kubernetes puts in the variables. */
export const gitEnv = (chart: ComponentChart, source: DagSource): Record<string, EnvSource> => {
  if (source.secret === undefined) return connection(connectionId, { conn_type: 'git' });
  const namespace = chart.home.name;
  if (chart.node.tryFindChild('DagsSecret') === undefined)
    new SecretRequest(chart, 'DagsSecret', {
      namespace,
      name: source.secret,
      source: 'preCreated',
      values: { username: { kind: 'text', text: '' }, password: { kind: 'text', text: '' } },
    });
  const secret = new SecretRef(namespace, source.secret, ['username', 'password'] as const);
  return {
    DAGS_GIT_USERNAME: secret.env('username'),
    DAGS_GIT_PASSWORD: secret.env('password'),
    ...connection(connectionId, {
      conn_type: 'git',
      host: source.url,
      login: '$(DAGS_GIT_USERNAME)',
      password: '$(DAGS_GIT_PASSWORD)',
    }),
  };
};

export interface ExampleDagsProps {
  readonly home: Home;
  /** Path in the repository to content. */
  readonly files: Readonly<Record<string, string>>;
}

/** The lab's git server: one repository, made of the example DAGs whenever it starts. It keeps no history. */
export class ExampleDags extends ComponentChart {
  readonly source: DagSource;

  constructor(scope: Construct, props: ExampleDagsProps) {
    super(scope, 'example-dags', { home: props.home });
    const pods = new Pods(this, 'Pods', { name: 'example-dags', component: 'airflow', userId });
    const dags = new ConfigFiles(this, 'Dags', {
      name: 'example-dags',
      files: Object.fromEntries(
        Object.entries(props.files).map(([path, content]) => [path.replaceAll('/', '--'), content]),
      ),
    });
    const script = new ConfigFiles(this, 'Script', {
      name: 'example-dags-script',
      files: { 'serve-dags.sh': file('serve-dags.sh') },
    });
    const port = 8080;
    const service = new HttpService(this, 'Service', {
      pods,
      replicas: 1,
      containers: [
        {
          name: 'git',
          image: image('airflow'),
          command: ['sh', '/etc/plinth/script/serve-dags.sh'],
          env: { HOME: value('/tmp') },
          ports: { http: port },
          size: { cpu: Cpu.millis(10), memory: Size.mebibytes(48), memoryLimit: Size.mebibytes(96) },
          mounts: [
            { path: '/dags', from: { kind: 'files', files: dags }, readOnly: true },
            { path: '/etc/plinth/script', from: { kind: 'files', files: script }, readOnly: true },
          ],
          probe: { kind: 'http', port, path: '/dags.git/info/refs' },
        },
      ],
    });
    const endpoint = service.endpoint('http', 'http');
    this.source = {
      url: `http://${endpoint.host}:${port}/dags.git`,
      branch: 'main',
      endpoint,
      withoutHistory: true,
    };
  }
}
