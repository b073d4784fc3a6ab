import type { Size } from 'cdk8s';
import type { Cpu } from 'cdk8s-plus-27';
import type { Consumer } from './consumer.ts';
import type { BucketAccess } from './data.ts';
import type { Endpoint } from './endpoint.ts';
import type { EnvSource } from './secret.ts';
import type { TeamSpace } from './team.ts';

/** ConfigMap of a team's namespace with the routes that the team writes itself, a key `<model>.json` for each. */
export const teamRoutesName = 'model-routes';

/** A model that says which requests of another one are outliers, and the share of them that it is asked about. */
export interface OutlierChecks {
  readonly model: string;
  readonly sample: number;
}

/** What stands in templates of predictors for what is known only when one is deployed. */
export const placeholders = { model: '{{model}}', version: '{{version}}' } as const;

/**
 * Where a model's files come from when a pod starts: always the same ones. An alias may move, and pods started on
 * different days would then answer differently under one name.
 */
export type ModelSource =
  /** A version of a registered model of the team's. */
  | {
      readonly kind: 'registry';
      readonly model: string;
      readonly version: number | typeof placeholders.version;
    }
  /** A folder that MLflow saved a model to, in a bucket that the team may read. */
  | { readonly kind: 'bucket'; readonly access: BucketAccess<'read' | 'readWrite'>; readonly path: string };

/** How many pods answer: a fixed number, or one that follows their use of the CPU. */
export type Scaling =
  | { readonly kind: 'fixed'; readonly replicas: number }
  | {
      readonly kind: 'auto';
      readonly minimum: number;
      readonly maximum: number;
      /** Mean use that is aimed at, in percent of what a pod asks for. */
      readonly cpuPercent: number;
    };

/** How much of the cluster a predictor takes. */
export interface PredictorShape {
  readonly scaling: Scaling;
  readonly size: { readonly cpu: Cpu; readonly memory: Size };
}

/** One deployed version of a model. */
export interface Predictor extends PredictorShape {
  /** Unique among the model's predictors, e.g. `v3`. */
  readonly name: string;
  /** What answers, metrics and logs call it. */
  readonly version: string;
  readonly source: ModelSource;
  /** A model whose outputs are the predictor's inputs: callers send what it takes. */
  readonly transformer?: ModelSource;
  /** Share of the model's requests, in percent; those of a model add up to 100. */
  readonly weight: number;
}

/** A model that a team serves, under one name, by one or more predictors. */
export interface ServedModel {
  /** Unique on the platform: the model's path at the gateway. */
  readonly name: string;
  readonly team: TeamSpace & Consumer;
  readonly predictors: readonly [Predictor, ...Predictor[]];
}

/** Where the predictors of a model answer, for who distributes requests to them. */
export interface ModelRoute {
  readonly model: string;
  readonly team: string;
  readonly predictors: readonly {
    readonly name: string;
    readonly version: string;
    readonly weight: number;
    readonly endpoint: Endpoint<'http'>;
  }[];
}

/**
 * Where the objects of predictors are described that are deployed while the platform runs: JSON in a ConfigMap of the
 * team's namespace, `{ default: [...], models: { <model>: [...] } }`, with `placeholders` to be filled in.
 */
export interface PredictorTemplates {
  readonly configMap: string;
  readonly key: string;
  /** Where such a predictor takes requests. */
  readonly port: number;
}

/**
 * What a container of a team must be given so that `plinth.predict()`, `plinth.deploy()` and `plinth.feedback()` work in
 * it, beside the team's credentials, which come with the tracking server's client.
 */
export interface ModelClient {
  readonly env: Readonly<Record<string, EnvSource>>;
}

/** Runs models. All of them speak the Open Inference Protocol (V2) over HTTP. */
export interface ModelServing {
  /**
   * Where predictors of a team answer, also those that come while the platform runs: the endpoint's peer selects
   * all of the team's model pods, its host is their namespace's and names none of them.
   */
  modelsOf(team: TeamSpace & Consumer): Endpoint<'http'>;
  /** Deploys a model's predictors into the team's namespace. */
  serve(model: ServedModel): ModelRoute;
}
