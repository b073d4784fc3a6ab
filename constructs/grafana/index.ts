import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  connect,
  type EnvSource,
  type Issuer,
  type OidcClient,
  value,
  type WebGateway,
} from '../contracts/index.ts';
import {
  ComponentChart,
  ConfigFiles,
  DataVolume,
  type Home,
  type Mount,
  Pods,
  StatefulService,
} from '../kit/index.ts';
import { dataSources, providers } from './provisioning.ts';
import { type SignInPages, signInEnv } from './sign-in.ts';

export interface GrafanaProps {
  readonly home: Home;
  readonly issuer: Issuer;
  /** The issuer's own pages: Grafana looks none of them up. */
  readonly pages: SignInPages;
  readonly gateway: WebGateway;
  /** Names of teams, which are their groups: each has a folder. */
  readonly teams: readonly string[];
  /** Where series come from, each address with a sign-in that takes the token of whoever looks. */
  readonly series: { readonly platform: string; readonly team: string; readonly audience: string };
  /** Generation of its client's secret. */
  readonly generation: number;
}

const port = 3000;
const folder = '/etc/plinth';
const files = join(import.meta.dirname, 'files/dashboards');
const teamFile = 'team.json';

const platformDashboards = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(files)
      .filter((name) => name !== teamFile)
      .sort()
      .map((name) => [name, readFileSync(join(files, name), 'utf8')]),
  );

/** The team's own copy: Grafana wants a uid once. */
const teamDashboard = (team: string): Record<string, string> => ({
  [teamFile]: readFileSync(join(files, teamFile), 'utf8').replaceAll('TEAM', team),
});

/**
 * Dashboards over what Prometheus keeps. Everything is provisioned: what people change is theirs (stars, preferences).
 * It has no access to series of its own: each query carries the token of whoever looks, and the sign-in before
 * Prometheus decides, so a folder that a team sees shows nothing of another's.
 */
export class Grafana extends ComponentChart {
  constructor(scope: Construct, props: GrafanaProps) {
    super(scope, 'grafana', { home: props.home });
    const { gateway, teams } = props;
    const address = `https://grafana.${gateway.domain}`;
    const pods = new Pods(this, 'Pods', { name: 'grafana', component: 'grafana', userId: 472 });
    const client = props.issuer.client(pods, {
      clientId: 'grafana',
      generation: props.generation,
      redirectUris: [`${address}/login/generic_oauth`],
      audiences: [props.series.audience],
    });
    connect(pods, gateway.entrance);
    const service = new StatefulService(this, 'Service', {
      pods,
      containers: [
        {
          name: 'grafana',
          image: image('grafana'),
          env: { ...serverEnv(address), ...signInEnv(client, props.pages, teams) },
          ports: { http: port },
          size: { cpu: Cpu.millis(50), memory: Size.mebibytes(256), memoryLimit: Size.mebibytes(512) },
          mounts: [...this.#provisioned(props, client), ...this.#dashboards(teams), ...this.#data(client)],
          probe: { kind: 'http', port, path: '/api/health' },
        },
      ],
    });
    gateway.expose(this, {
      name: 'grafana',
      endpoint: service.endpoint('http', 'http'),
      health: '/api/health',
    });
  }

  #provisioned({ series }: GrafanaProps, client: OidcClient): readonly Mount[] {
    const authority = client.authority === undefined ? undefined : `${folder}/issuer/ca.crt`;
    const written = {
      datasources: dataSources(series, authority),
      dashboards: providers(`${folder}/dashboards`),
    };
    return Object.entries(written).map(([name, text]) => ({
      path: `${folder}/provisioning/${name}`,
      from: {
        kind: 'files',
        files: new ConfigFiles(this, `Provisioning-${name}`, {
          name: `grafana-${name}`,
          files: { 'plinth.yaml': text },
        }),
      },
      readOnly: true,
    }));
  }

  /** A folder of files is a folder in Grafana. */
  #dashboards(teams: readonly string[]): readonly Mount[] {
    const folders = [
      ['Platform', platformDashboards()] as const,
      ...teams.map((team) => [team, teamDashboard(team)] as const),
    ];
    return folders.map(([name, content]) => ({
      path: `${folder}/dashboards/${name}`,
      from: {
        kind: 'files',
        files: new ConfigFiles(this, `Dashboards-${name}`, {
          name: `grafana-folder-${name.toLowerCase()}`,
          files: content,
        }),
      },
      readOnly: true,
    }));
  }

  #data({ authority }: OidcClient): readonly Mount[] {
    const data = new DataVolume(this, 'Data', { name: 'grafana', size: Size.gibibytes(1) });
    return [
      { path: '/var/lib/grafana', from: { kind: 'claim', claim: data } },
      ...(authority === undefined
        ? []
        : [
            {
              path: `${folder}/issuer`,
              from: { kind: 'secret', secret: authority },
              readOnly: true,
            } as const,
          ]),
    ];
  }
}

const serverEnv = (address: string): Record<string, EnvSource> => ({
  GF_SERVER_ROOT_URL: value(address),
  GF_PATHS_PROVISIONING: value(`${folder}/provisioning`),
  GF_LOG_MODE: value('console'),
  // Nobody but the issuer knows passwords, and nothing is sent to anybody outside.
  GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: value('true'),
  GF_SECURITY_COOKIE_SECURE: value('true'),
  GF_ANALYTICS_ENABLED: value('false'),
  GF_ANALYTICS_REPORTING_ENABLED: value('false'),
  GF_ANALYTICS_CHECK_FOR_UPDATES: value('false'),
  GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: value('false'),
  GF_PLUGINS_PREINSTALL_DISABLED: value('true'),
  // Its own metrics would be open to everybody at the public address.
  GF_METRICS_ENABLED: value('false'),
  GF_UNIFIED_ALERTING_ENABLED: value('false'),
});
