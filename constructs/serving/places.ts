import { type ApiObject, Lazy } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import type { Construct, IDependable } from 'constructs';
import { image, reference } from '../catalogue/index.ts';
import type {
  Consumer,
  Endpoint,
  MetricsSource,
  ModelRoute,
  ServedModel,
  TeamSpace,
  TrackingServer,
} from '../contracts/index.ts';
import { ComponentChart, clusterChoices, type Home, Pods } from '../kit/index.ts';
import { type ModelPlace, predictorName } from './predictor.ts';

/** ConfigMap of each team's namespace with what its models run on. */
export const servedName = 'models';

export type ServingTeam = TeamSpace & Consumer;

export interface PlacesProps {
  readonly scope: Construct;
  readonly tracking: TrackingServer | undefined;
  /** Where a predictor takes requests. */
  readonly port: number;
  readonly metrics: { readonly port: number; readonly path: string };
  /** What must be there before a model is. */
  readonly after: readonly IDependable[];
}

/** A team's chart of models, with the paths and the identity that all of its model pods share. */
interface Place extends ModelPlace {
  /** What its ConfigMap says besides; read when the tree is rendered. */
  readonly files: Map<string, string>;
  readonly chart: ComponentChart;
  readonly pods: Pods;
}

/** What both ways of serving have in common: who may reach a team's model pods, and whose series theirs are. */
export class Places {
  readonly metrics: MetricsSource[] = [];
  readonly #props: PlacesProps;
  readonly #places = new Map<string, Place>();

  constructor(props: PlacesProps) {
    this.#props = props;
  }

  of(team: ServingTeam): Place {
    const known = this.#places.get(team.namespace);
    if (known !== undefined) return known;
    const { scope, tracking, metrics, after } = this.#props;
    const chart = new ComponentChart(scope, `models-${team.namespace}`, { home: homeOf(team) });
    chart.node.addDependency(...after);
    const pods = new Pods(chart, 'Pods', { name: 'models', component: 'serving' });
    const files = new Map<string, string>();
    const served = reference(image('model-server'), clusterChoices(chart).imageRegistry);
    // For who deploys a model while the platform runs; nodes have the image because something names it.
    new k8s.KubeConfigMap(chart, 'Served', {
      metadata: { name: servedName },
      data: Lazy.any({ produce: () => ({ image: served, ...Object.fromEntries(files) }) }),
    });
    this.metrics.push({
      job: `models-${team.namespace}`,
      namespace: team.namespace,
      labels: pods.labels,
      ...metrics,
      connections: pods.connections,
      team: team.name,
    });
    const place = {
      chart,
      files,
      pods,
      namespace: team.namespace,
      labels: pods.labels,
      serviceAccount: pods.name,
      tracking: tracking?.grantClient(team),
      cluster: clusterChoices(chart),
    };
    this.#places.set(team.namespace, place);
    return place;
  }

  endpoint(team: ServingTeam, service?: string): Endpoint<'http'> {
    const { pods, namespace } = this.of(team);
    const domain = `${namespace}.svc.cluster.local`;
    return {
      kind: 'http',
      host: service === undefined ? domain : `${service}.${domain}`,
      port: this.#props.port,
      peer: pods.peer,
      serverConnections: pods.connections,
    };
  }

  route({ name, team, predictors }: ServedModel): ModelRoute {
    return {
      model: name,
      team: team.name,
      predictors: predictors.map((predictor) => ({
        name: predictor.name,
        version: predictor.version,
        weight: predictor.weight,
        endpoint: this.endpoint(team, predictorName(name, predictor.name)),
      })),
    };
  }

  /** Runs after the paths and the identity of the team's models. */
  runs(team: ServingTeam, ...objects: readonly ApiObject[]): void {
    const { pods } = this.of(team);
    for (const object of objects) pods.runBy(object);
  }
}

const homeOf = ({ name, scope }: ServingTeam): Home => {
  // Its own class is not what `instanceof` asks of a Chart.
  const { home } = scope as Partial<ComponentChart>;
  if (home === undefined) throw new Error(`team ${name} is in no namespace`);
  return home;
};
