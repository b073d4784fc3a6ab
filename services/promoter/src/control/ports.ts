import type { DesiredRoute, Exposure } from '../domain/desired.ts';
import type { Gates } from '../domain/policy.ts';
import type { Measured, PodsState } from '../domain/rollout.ts';

/** A registered model as the registry has it. */
export interface RegisteredModel {
  readonly name: string;
  /** The version that the alias names; undefined: there is no such alias. */
  readonly champion: string | undefined;
}

export interface RegisteredVersion {
  readonly runId: string | null;
  readonly source: string | null;
  /** Whether its files are there. */
  readonly ready: boolean;
}

/** The model registry, a workspace per team. */
export interface Registry {
  models(team: string): Promise<readonly RegisteredModel[]>;
  /** Undefined: the registry says that there is none. */
  model(team: string, name: string): Promise<RegisteredModel | undefined>;
  version(team: string, name: string, version: string): Promise<RegisteredVersion | undefined>;
  /** False: the version is gone. */
  tag(team: string, name: string, version: string, tags: Readonly<Record<string, string>>): Promise<boolean>;
  /** Sees to it that the workspace tells of its aliases. */
  subscribe(team: string): Promise<void>;
}

/** A model's place in the cluster. */
export interface Place {
  readonly team: string;
  readonly namespace: string;
  readonly model: string;
}

/** Throws where what is asked for isn't what there should be any more. */
export type Current = () => Promise<void>;

/** Predictors and routes. Whatever is done twice is done once. */
export interface Cluster {
  /** Makes the objects of these versions as the platform's template says. */
  apply(place: Place, versions: readonly string[]): Promise<void>;
  /** Null takes the model out of the routes. Nothing is written after `current` has thrown. */
  route(place: Place, route: DesiredRoute | null, current: Current): Promise<void>;
  pods(place: Place, version: string): Promise<PodsState>;
  /** Removes every version that isn't among these. */
  prune(place: Place, kept: readonly string[]): Promise<void>;
}

export interface MeasureRequest {
  /** Whose model it is: another team may have one of this name in the prediction log. */
  readonly team: string;
  readonly model: string;
  readonly version: string;
  readonly stable: string | null;
  /** How the candidate is asked. */
  readonly step: Exposure;
  /** In milliseconds. */
  readonly since: number;
  readonly gates: Gates;
}

export interface Meter {
  /** Undefined: it can't be asked right now. */
  measure(request: MeasureRequest): Promise<Measured | undefined>;
}
