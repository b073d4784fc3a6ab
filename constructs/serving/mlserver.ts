import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type {
  Endpoint,
  MetricsSource,
  ModelRoute,
  ModelServing,
  Observable,
  ServedModel,
  TrackingServer,
} from '../contracts/index.ts';
import { Places, type ServingTeam } from './places.ts';
import { ports, predictorManifests } from './predictor.ts';

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
}
