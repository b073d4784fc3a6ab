import { derived, type Exposure, type Issuer } from '../../constructs/contracts/index.ts';
import {
  Portal,
  type PortalLink,
  type PortalSource,
  type PortalTool,
} from '../../constructs/glue/portal/index.ts';
import type { HubService } from '../../constructs/jupyterhub/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { seriesAudience } from '../../constructs/prometheus/index.ts';
import { type Environment, generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';
import type { TeamHistory } from './spark.ts';

/** The hub's service `portal`: both know the token, and it may read and stop servers. */
export const portalAtHub = (environment: Environment): HubService => ({
  name: 'portal',
  scopes: ['read:users:name', 'read:servers', 'delete:servers'],
  token: derived({
    ...{ owner: 'portal', role: 'hub', key: 'token' },
    generation: generation(environment, 'portal/hub'),
  }),
  generation: generation(environment, 'portal/hub'),
});

type Described = Omit<PortalTool, 'exposure'>;

/** In the order of the page. What isn't here has an address for programs only. */
const described: Readonly<Record<string, Described>> = {
  hub: { title: 'Notebooks', about: 'Jupyter with Spark, storage and MLflow at hand', audience: 'everybody' },
  mlflow: { title: 'MLflow', about: 'Experiments, runs and registered models', audience: 'everybody' },
  airflow: { title: 'Airflow', about: "Pipelines of your teams' DAGs", audience: 'everybody' },
  grafana: { title: 'Grafana', about: 'Dashboards of what your teams run', audience: 'everybody' },
  prometheus: { title: 'Prometheus', about: 'Every series of the platform', audience: 'administrators' },
  alertmanager: {
    title: 'Alertmanager',
    about: 'What fires, and what is silenced',
    audience: 'administrators',
  },
};

const historyOf = ({ team, exposure }: TeamHistory): PortalTool => ({
  title: 'Spark history',
  about: `Finished applications of ${team.name}`,
  audience: { team: team.name },
  exposure,
});

const toolsOf = (
  exposures: readonly Exposure[],
  histories: readonly TeamHistory[],
): readonly PortalTool[] => [
  ...Object.entries(described).flatMap(([name, tool]) => {
    const exposure = exposures.find((each) => each.name === name);
    return exposure === undefined ? [] : [{ ...tool, exposure }];
  }),
  ...histories.map(historyOf),
];

/** Interfaces that services describe themselves, and the manuals of what people work in. */
const documentationOf = (
  exposures: readonly Exposure[],
  own: readonly PortalLink[],
): readonly PortalLink[] => {
  const at = (name: string, title: string, path: string, about: string): readonly PortalLink[] => {
    const found = exposures.find((each) => each.name === name);
    return found === undefined ? [] : [{ title, url: `${found.url}${path}`, about }];
  };
  return [
    ...own,
    ...at('airflow', 'Airflow API', '/docs', 'runs of DAGs, for programs'),
    ...at('promoter', 'Rollout API', '/openapi.json', 'rollback and approval, for programs'),
    ...at('predictions', 'Feedback API', '/openapi.json', 'true labels of predictions'),
    { title: 'MLflow', url: 'https://mlflow.org/docs/latest/', about: 'tracking, models, registry' },
    {
      title: 'Spark',
      url: 'https://spark.apache.org/docs/latest/api/python/',
      about: 'DataFrames in Python',
    },
    {
      title: 'Airflow',
      url: 'https://airflow.apache.org/docs/apache-airflow/stable/',
      about: 'writing DAGs',
    },
    { title: 'JupyterLab', url: 'https://jupyterlab.readthedocs.io/', about: 'notebooks' },
  ];
};

const sources: Readonly<Record<PortalSource, { readonly name: string; readonly audience?: string }>> = {
  HUB_URL: { name: 'hub' },
  MLFLOW_URL: { name: 'mlflow', audience: 'mlflow' },
  AIRFLOW_URL: { name: 'airflow', audience: 'airflow' },
  PROMOTER_URL: { name: 'promoter', audience: 'promoter' },
  METRICS_URL: { name: 'metrics', audience: seriesAudience },
  PROMETHEUS_URL: { name: 'prometheus', audience: seriesAudience },
};

/** Comes before monitoring, which reads its metrics; it is run when all the others are there. */
export const composePortal = (
  context: ComposeContext,
  issuer: Issuer | undefined,
  teams: readonly Team[],
): Portal | undefined => {
  const { app, environment, gateway, kubernetes } = context;
  // Without the others the environment was refused.
  if (environment.portal.kind === 'off' || issuer === undefined || gateway === undefined) return undefined;
  const portal = new Portal(app, {
    home: context.namespace('portal'),
    issuer,
    gateway,
    kubernetes,
    teams,
    audiences: [...new Set(Object.values(sources).flatMap(({ audience }) => audience ?? []))].sort(),
    hub: environment.notebooks.kind === 'on' ? portalAtHub(environment) : undefined,
    generations: {
      client: generation(environment, 'portal/client'),
      session: generation(environment, 'portal/session'),
    },
  });
  context.observed.push(portal);
  return portal;
};

export const runPortal = (
  context: ComposeContext,
  portal: Portal,
  teams: readonly Team[],
  histories: readonly TeamHistory[],
): void => {
  const { environment, exposures } = context;
  if (environment.portal.kind === 'off') return;
  const own = new Set(teams.map(({ namespace }) => namespace));
  portal.run({
    namespaces: context.namespaces.filter(({ name }) => !own.has(name)),
    tools: toolsOf(exposures, histories),
    documentation: documentationOf(exposures, environment.portal.documentation),
    sources: Object.fromEntries(
      Object.entries(sources).flatMap(([variable, { name }]) => {
        const found = exposures.find((each) => each.name === name);
        return found === undefined ? [] : [[variable, found.url] as const];
      }),
    ),
    spark: environment.spark.kind === 'on',
  });
};
