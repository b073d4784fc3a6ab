import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Upstreams } from '../domain/overview.ts';
import type { Metrics } from '../metrics.ts';
import type { Settings } from '../settings.ts';
import { Client } from './client.ts';
import { Cluster } from './cluster.ts';
import { Hub } from './hub.ts';
import { Pipelines } from './pipelines.ts';
import { Promoter } from './promoter.ts';
import { Registry } from './registry.ts';
import { Series } from './series.ts';

/** Everybody whom the portal asks, and how to let go of them. */
export interface Connected {
  readonly upstreams: Upstreams;
  readonly issuer: Client;
  close(): void;
}

/** A page waits this long for the issuer: signing in has nothing to show without it. In milliseconds. */
const issuerMilliseconds = 10_000;

export const connect = async (settings: Settings, metrics: Metrics): Promise<Connected> => {
  const clients: Client[] = [];
  const client = (name: string, url: string, more: { milliseconds?: number; authority?: string } = {}) => {
    const made = new Client({
      name,
      url,
      milliseconds: settings.UPSTREAM_MILLISECONDS,
      observe: (result, seconds) => metrics.upstreamSeconds.observe({ upstream: name, result }, seconds),
      ...more,
    });
    clients.push(made);
    return made;
  };
  const optional = <T>(name: string, url: string | undefined, make: (client: Client) => T): T | undefined =>
    url === undefined ? undefined : make(client(name, url));
  const account = settings.SERVICE_ACCOUNT_FOLDER;
  const authority = settings.KUBERNETES_URL.startsWith('https:')
    ? { authority: await readFile(join(account, 'ca.crt'), 'utf8') }
    : {};
  const { HUB_TOKEN } = settings;
  return {
    upstreams: {
      cluster: new Cluster(client('Kubernetes', settings.KUBERNETES_URL, authority), join(account, 'token')),
      hub:
        HUB_TOKEN === undefined
          ? undefined
          : optional('JupyterHub', settings.HUB_URL, (made) => new Hub(made, HUB_TOKEN)),
      registry: optional('MLflow', settings.MLFLOW_URL, (made) => new Registry(made)),
      pipelines: optional('Airflow', settings.AIRFLOW_URL, (made) => new Pipelines(made)),
      promoter: optional('The promoter', settings.PROMOTER_URL, (made) => new Promoter(made)),
      series: optional('Prometheus', settings.METRICS_URL, (made) => new Series(made)),
      allSeries: optional('Prometheus', settings.PROMETHEUS_URL, (made) => new Series(made)),
    },
    issuer: client('The issuer', settings.OIDC_ISSUER, { milliseconds: issuerMilliseconds }),
    close: () => {
      for (const each of clients) each.close();
    },
  };
};
