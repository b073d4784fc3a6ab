import type { Duration } from 'cdk8s';
import type { Cpu } from 'cdk8s-plus-27';
import type { Construct, IDependable } from 'constructs';
import type {
  BucketAccess,
  Endpoint,
  MetricsSource,
  ModelClient,
  Observable,
  SparkClient,
  SparkRuntime,
  TeamSpace,
  TrackingClient,
} from '../contracts/index.ts';
import type { Home } from '../kit/index.ts';
import type { ApplicationSpec } from './application.ts';
import { SparkOperator } from './operator.ts';
import { sessionPolicy } from './session-policy.ts';
import { type SparkSizes, TeamSpark } from './team.ts';

export { type ExecutorsProps, type MainFile, SparkBatch, type SparkBatchProps } from './batch.ts';
export { SparkHistory, type SparkHistoryProps } from './history.ts';

export interface SparkProps {
  readonly home: Home;
  readonly kubernetes: Endpoint<'kubernetes'>;
  readonly teams: readonly SparkTeam[];
  /** What a driver asks of a node. */
  readonly driver: Cpu;
  /** What one core of an executor asks of a node, in thousandths: less than 1000 lets executors share cores. */
  readonly executorCoreMillis: number;
  /** The longest that a session or an application may run. */
  readonly limit: Duration;
  /** Options of the Java of every driver and executor; a job's own come after them. */
  readonly javaOptions: readonly string[];
  /** The operator's custom kinds: without them it doesn't start. */
  readonly definitions: IDependable;
}

export interface SparkTeam {
  readonly team: TeamSpace;
  readonly home: Home;
  /** Where its jobs read and write, and its event logs are. */
  readonly access: BucketAccess<'readWrite'>;
  /** What drivers of applications work with besides; unset: there is no tracking server. */
  readonly tracking?: TrackingClient;
  readonly models: ModelClient;
}

/** Spark for every team: interactive sessions, applications by the operator, and what monitoring takes from both. */
export class Spark implements SparkRuntime, Observable {
  readonly metrics: readonly MetricsSource[];
  readonly recordings: Observable['recordings'];
  readonly alerts: Observable['alerts'];
  readonly #teams = new Map<string, TeamSpark>();
  readonly #executorCoreMillis: number;

  constructor(scope: Construct, props: SparkProps) {
    const { home, kubernetes, teams, executorCoreMillis, javaOptions } = props;
    this.#executorCoreMillis = executorCoreMillis;
    const sizes: SparkSizes = { driver: props.driver, executorCoreMillis, limit: props.limit };
    const operator = new SparkOperator(scope, { home, kubernetes, teams: teams.map((each) => each.home) });
    operator.node.addDependency(props.definitions);
    const policy = sessionPolicy(operator, 'SessionPolicy', { limit: props.limit });
    for (const each of teams) {
      const { team } = each;
      const made = new TeamSpark(scope, { ...each, kubernetes, sizes, javaOptions });
      made.node.addDependency(policy);
      this.#teams.set(team.name, made);
    }
    const { metrics, recordings, alerts } = operator.observable;
    this.metrics = [...metrics, ...[...this.#teams.values()].flatMap((each) => each.metrics)];
    this.recordings = recordings;
    this.alerts = alerts;
  }

  client(team: TeamSpace): SparkClient {
    return this.of(team.name).client;
  }

  /** What applications of a team have in common. */
  application(team: string): {
    readonly namespace: string;
    readonly spec: ApplicationSpec;
    readonly executorCoreMillis: number;
  } {
    const { application: spec, home } = this.of(team);
    return { namespace: home.name, spec, executorCoreMillis: this.#executorCoreMillis };
  }

  of(team: string): TeamSpark {
    const found = this.#teams.get(team);
    if (found === undefined)
      throw new Error(`Spark knows no team '${team}'; it has ${[...this.#teams.keys()].join(', ')}`);
    return found;
  }
}
