import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import {
  type Endpoint,
  type MetricsSource,
  type ModelRoute,
  type ModelServing,
  type Observable,
  type PredictorShape,
  type PredictorTemplates,
  placeholders,
  type ServedModel,
  type TrackingServer,
} from '../contracts/index.ts';
import { byHand } from './by-hand.ts';
import { Places, type ServingTeam, servedName } from './places.ts';
import { ports, predictorManifests } from './predictor.ts';

/** What predictors take, unless a model of that name takes something else. */
export interface PredictorShapes {
  readonly default: PredictorShape;
  readonly models: Readonly<Record<string, PredictorShape>>;
}

const templatesKey = 'predictors.json';

export interface MlserverServingProps {
  /** Unset: models come from buckets only. */
  readonly tracking: TrackingServer | undefined;
}

/** Every predictor is a Deployment of MLServer in the team's namespace; no operator stands between. */
export class MlserverServing implements ModelServing, Observable {
  readonly #places: Places;

  constructor(scope: Construct, props: MlserverServingProps) {
    this.#places = new Places({
      scope,
      tracking: props.tracking,
      port: ports.http,
      metrics: { port: ports.metrics, path: '/metrics' },
      after: [],
    });
  }

  get metrics(): readonly MetricsSource[] {
    return this.#places.metrics;
  }

  modelsOf(team: ServingTeam): Endpoint<'http'> {
    return this.#places.endpoint(team);
  }

  serve(model: ServedModel): ModelRoute {
    const place = this.#places.of(model.team);
    for (const predictor of model.predictors)
      for (const manifest of predictorManifests(model.name, predictor, place)) {
        const id = `${manifest.metadata.name}-${manifest.kind}`;
        this.#places.runs(model.team, new ApiObject(place.chart, id, manifest));
      }
    return this.#places.route(model);
  }

  /** Lets pods of this identity of the team deploy versions by hand, by what was published for them. */
  letDeploy(team: ServingTeam, account: string): void {
    const { chart, namespace } = this.#places.of(team);
    byHand(chart, { namespace, account, templates: servedName });
  }

  /** For who deploys versions of the registry while the platform runs: the same objects, but for names and versions. */
  publish(team: ServingTeam, shapes: PredictorShapes): PredictorTemplates {
    const place = this.#places.of(team);
    const { model, version } = placeholders;
    const objects = (shape: PredictorShape) =>
      predictorManifests(
        model,
        {
          ...shape,
          ...{ name: `v${version}`, version, weight: 100, source: { kind: 'registry', model, version } },
        },
        place,
      );
    const models = Object.entries(shapes.models).map(([name, shape]) => [name, objects(shape)] as const);
    const all = { default: objects(shapes.default), models: Object.fromEntries(models) };
    place.files.set(templatesKey, JSON.stringify(all, null, 1));
    return { configMap: servedName, key: templatesKey, port: ports.http };
  }
}
