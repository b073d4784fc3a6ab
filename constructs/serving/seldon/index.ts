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
} from '../../contracts/index.ts';
import { DefinitionsChart, type Home } from '../../kit/index.ts';
import { Places, type ServingTeam } from '../places.ts';
import { seldonDeploymentDefinition } from './definition.ts';
import { seldonDeployment } from './deployment.ts';
import { SeldonOperator } from './operator.ts';

export { seldonDeploymentDefinition } from './definition.ts';
export { type SeldonDeployment, seldonDeployment } from './deployment.ts';

export interface SeldonServingProps {
  readonly home: Home;
  /** Namespaces in which models may be. */
  readonly teams: readonly Home[];
  readonly kubernetes: Endpoint<'kubernetes'>;
  /** Unset: models come from buckets only. */
  readonly tracking: TrackingServer | undefined;
  /** Generation of the webhook's certificate, from 1 on. */
  readonly generation: number;
}

/** Where the executor before a predictor's graph takes requests. */
const executor = 8000;

/** Seldon Core's operator deploys the predictors: a SeldonDeployment for each model, in the team's namespace. */
export class SeldonServing implements ModelServing, Observable {
  readonly #places: Places;
  readonly #operator: SeldonOperator;

  constructor(scope: Construct, props: SeldonServingProps) {
    const definitions = new DefinitionsChart(scope, 'seldon-definitions');
    new ApiObject(definitions, 'seldondeployments', seldonDeploymentDefinition);
    this.#operator = new SeldonOperator(scope, props);
    this.#operator.node.addDependency(definitions);
    this.#places = new Places({
      scope,
      tracking: props.tracking,
      port: executor,
      metrics: { port: executor, path: '/prometheus' },
      after: [this.#operator],
    });
  }

  get metrics(): readonly MetricsSource[] {
    return [...this.#operator.metrics, ...this.#places.metrics];
  }

  modelsOf(team: ServingTeam): Endpoint<'http'> {
    return this.#places.endpoint(team);
  }

  serve(model: ServedModel): ModelRoute {
    const place = this.#places.of(model.team);
    const deployment = new ApiObject(place.chart, model.name, { ...seldonDeployment(model, place) });
    this.#places.runs(model.team, deployment);
    return this.#places.route(model);
  }
}
