import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { image } from '../catalogue/index.ts';
import {
  connect,
  type Endpoint,
  type Issuer,
  type MetricsSource,
  type WebGateway,
} from '../contracts/index.ts';
import { type ComponentChart, HttpService, Pods, SignInProxy } from '../kit/index.ts';

/** Who may look from outside, and through which sign-in. */
export interface Access {
  readonly issuer: Issuer;
  readonly gateway: WebGateway;
  /** Generation of the sign-in's secrets. */
  readonly generation: number;
}

/** What tokens that ask for series must carry as `aud`, teams' and administrators' alike: groups decide what is seen. */
export const seriesAudience = 'metrics';

/** What alerts link to. */
export const externalUrl = (name: string, access: Access | undefined): readonly string[] =>
  access === undefined ? [] : [`--web.external-url=https://${name}.${access.gateway.domain}`];

/** The pages of one of the two, for administrators of the platform only: neither knows of teams. */
export const forAdministrators = (
  scope: ComponentChart,
  name: string,
  upstream: Endpoint<'http'>,
  access: Access,
): MetricsSource =>
  new SignInProxy(scope, 'SignIn', {
    name,
    component: 'prometheus',
    upstream,
    groups: [],
    audience: seriesAudience,
    ...access,
  }).metrics;

const ports = { http: 8080, metrics: 8081 };

/**
 * What teams ask: `https://metrics.<domain>` speaks Prometheus' own API, and prom-label-proxy puts `team="<group>"`,
 * for the groups of whoever signed in, into every selector. Only the sign-in has a path to it, and the sign-in removes
 * the header that names the groups from what callers send. Programs come with their team's token, audience `metrics`.
 */
export const forTeams = (
  scope: ComponentChart,
  prometheus: Endpoint<'http'>,
  groups: readonly string[],
  access: Access,
): readonly MetricsSource[] => {
  const pods = new Pods(scope, 'TeamsPods', {
    name: 'team-metrics',
    component: 'prometheus',
    userId: 65_532,
  });
  connect(pods, prometheus);
  const service = new HttpService(scope, 'Teams', {
    pods,
    replicas: 1,
    containers: [
      {
        name: 'prom-label-proxy',
        image: image('prom-label-proxy'),
        command: [
          'prom-label-proxy',
          `--insecure-listen-address=0.0.0.0:${ports.http}`,
          `--internal-listen-address=0.0.0.0:${ports.metrics}`,
          `--upstream=http://${prometheus.host}:${prometheus.port}`,
          '--label=team',
          '--header-name=X-Forwarded-Groups',
          '--header-uses-list-syntax=true',
          '--enable-label-apis=true',
          // Asking for another team is a mistake that the caller is told of, not an answer about its own.
          '--error-on-replace=true',
        ],
        ports,
        size: { cpu: Cpu.millis(10), memory: Size.mebibytes(32), memoryLimit: Size.mebibytes(128) },
        probe: { kind: 'http', port: ports.http, path: '/healthz' },
      },
    ],
  });
  const signIn = new SignInProxy(scope, 'TeamsSignIn', {
    name: 'metrics',
    component: 'prometheus',
    upstream: service.endpoint('http', 'http'),
    groups,
    audience: seriesAudience,
    ...access,
  });
  return [service.metrics('metrics'), signIn.metrics];
};
