import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Pipelines } from './airflow.ts';
import type { DriftAlert, Firing } from './alert.ts';
import type { RetrainStore } from './store.ts';

export const results = [
  /** Airflow has a run. */
  'triggered',
  /** Every alert had its run before. */
  'repeated',
  /** Not so soon after the last run, or not while one is under way; told again later it may be. */
  'limited',
  /** The model names no DAG, or nothing fires any more. */
  'ignored',
  /** The model names a DAG that can't be run: somebody must mend that. */
  'refused',
  /** Something that is needed didn't answer; told again it may. */
  'failed',
  'unknown',
  'malformed',
  'unauthorized',
] as const;
export type Result = (typeof results)[number];

export interface Decision {
  readonly result: Result;
  readonly reason: string;
  readonly dag?: string;
  readonly run?: string;
}

/** Tag of a registered model that names the DAG that trains it anew; one of the model's team. */
export const dagTag = 'plinth.retrain.dag';

export interface RetrainerProps {
  readonly store: RetrainStore;
  readonly pipelines: Pipelines;
  /** A registered model's tags; undefined: there is no such model. */
  readonly tags: (team: string, model: string) => Promise<Readonly<Record<string, string>> | undefined>;
  /** Versions of the model that serve or are on their way; undefined: the promoter didn't deploy it. */
  readonly serving: (team: string, model: string) => Promise<readonly string[] | undefined>;
  readonly teams: ReadonlySet<string>;
  /** A model is retrained at most once in so many milliseconds. */
  readonly period: number;
  readonly logger: Logger;
  readonly metrics: Registry;
  /** In milliseconds. */
  readonly now: () => number;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Decides about alerts of drift: a run of the model's DAG, or why there is none. */
export class Retrainer {
  readonly #props: RetrainerProps;
  readonly #decisions: Counter<'model' | 'result'>;
  readonly #hindered: Gauge<'model'>;

  constructor(props: RetrainerProps) {
    this.#props = props;
    this.#decisions = new Counter({
      name: 'plinth_promoter_retrain_decisions_total',
      help: 'What became of alerts that may cause a retraining, by registered model',
      labelNames: ['model', 'result'] as const,
      registers: [props.metrics],
    });
    this.#hindered = new Gauge({
      name: 'plinth_promoter_retrain_hindered',
      help: 'Whether drift of a model goes without the retraining that its tag asks for',
      labelNames: ['model'] as const,
      registers: [props.metrics],
    });
  }

  /** Counts what never came to a decision, and so names no model. */
  refuse(result: Extract<Result, 'malformed' | 'unauthorized'>): void {
    this.#decisions.inc({ model: '', result });
  }

  async decide(alert: DriftAlert): Promise<Decision> {
    const { team, model } = alert;
    const { store, logger } = this.#props;
    let decision: Decision;
    try {
      decision = await this.#decide(alert);
      if (!['unknown', 'repeated'].includes(decision.result)) await store.note(team, model, decision);
    } catch (error) {
      decision = { result: 'failed', reason: messageOf(error) };
    }
    // A name that isn't in the registry makes no series.
    const { result } = decision;
    const known = result !== 'unknown' && alert.firing.length > 0;
    this.#decisions.inc({ model: known ? model : '', result });
    if (alert.firing.length === 0) this.#hindered.remove({ model });
    else if (result !== 'unknown')
      this.#hindered.set({ model }, ['failed', 'refused'].includes(result) ? 1 : 0);
    logger.info({ team, model, ...decision }, 'an alert of drift');
    return decision;
  }

  async #decide(alert: DriftAlert): Promise<Decision> {
    const { team, model, firing } = alert;
    // Also of a model that is gone: Alertmanager tells what it isn't answered with 2xx again and again.
    if (firing.length === 0) return { result: 'ignored', reason: 'nothing fires any more' };
    const tags = this.#props.teams.has(team) ? await this.#props.tags(team, model) : undefined;
    if (tags === undefined)
      return { result: 'unknown', reason: `team ${team} has no registered model ${model}` };
    const dag = tags[dagTag];
    if (dag === undefined) return { result: 'ignored', reason: `the registered model has no tag ${dagTag}` };
    // The promoter may run every team's DAGs: a tag must not lend that to who sets it.
    if (!dag.startsWith(`${team}.`))
      return { result: 'refused', dag, reason: `tag ${dagTag} must name a DAG of ${team}, ${team}.<name>` };
    const current = await this.#current(alert);
    if (current.length === 0)
      return {
        result: 'ignored',
        dag,
        reason: `version ${versionsOf(firing).join(', ')} doesn't serve any more`,
      };
    let decision: Decision | undefined;
    await this.#props.store.alone(team, model, async () => {
      decision = await this.#alone({ ...alert, firing: current }, dag);
    });
    return decision ?? { result: 'failed', reason: 'another alert of the model is being decided about' };
  }

  /** What is wrong with versions that serve: it takes a while until nobody is told of the one before any more. */
  async #current({ team, model, firing }: DriftAlert): Promise<readonly Firing[]> {
    const serving = await this.#props.serving(team, model);
    return serving === undefined
      ? firing
      : firing.filter(({ version }) => version === undefined || serving.includes(version));
  }

  async #alone(alert: DriftAlert, dag: string): Promise<Decision> {
    const { team, model, firing } = alert;
    const { store, pipelines, now } = this.#props;
    if (await store.served(firing)) return { result: 'repeated', dag, reason: 'these alerts had their run' };
    // Whoever claimed a run before may have got it: then it is the run that is under way.
    const hindrance = (await store.pending(team, model)) ? undefined : await this.#hindrance(alert, dag);
    if (hindrance !== undefined) return { dag, ...hindrance };
    const time = new Date(now()).toISOString();
    const conf = confOf(alert);
    const run = `drift__${time}__${randomUUID().slice(0, 8)}`;
    const claim = await store.claim({ team, model, dag, run, conf, alerts: firing });
    const triggered = await pipelines.trigger(claim.dag, claim.run, conf);
    if (triggered.kind === 'refused') {
      await store.refused(claim.id);
      return { result: 'refused', dag: claim.dag, reason: triggered.reason };
    }
    await store.triggered(claim.id, new Date(now()));
    return { result: 'triggered', dag: claim.dag, run: claim.run, reason: reasonOf(alert) };
  }

  /** Why there is to be no run now; undefined: nothing hinders it. */
  async #hindrance({ team, model }: DriftAlert, dag: string): Promise<Decision | undefined> {
    const { store, pipelines, period, now } = this.#props;
    const last = await store.last(team, model);
    const next = last === undefined ? 0 : last.getTime() + period;
    if (now() < next)
      return { result: 'limited', reason: `retrained lately; again from ${new Date(next).toISOString()}` };
    const found = await pipelines.dag(dag);
    if (found === undefined) return { result: 'refused', reason: `team ${team} has no DAG ${dag}` };
    if (found.paused) return { result: 'refused', reason: `DAG ${dag} is paused` };
    const run = await pipelines.unfinished(dag);
    return run === undefined ? undefined : { result: 'limited', reason: `run ${run} is under way` };
  }
}

const distinct = (all: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(all.filter((each) => each !== undefined))].sort();

const versionsOf = (firing: readonly Firing[]): readonly string[] =>
  distinct(firing.map(({ version }) => version));

const reasonOf = ({ firing }: DriftAlert): string => distinct(firing.map(({ name }) => name)).join(', ');

/** What the DAG's run is told: `dag_run.conf` in its tasks. */
const confOf = (alert: DriftAlert): object => ({
  reason: reasonOf(alert),
  model: alert.model,
  versions: versionsOf(alert.firing),
  fields: distinct(alert.firing.map(({ field }) => field)),
  since: new Date(Math.min(...alert.firing.map(({ startsAt }) => startsAt.getTime()))).toISOString(),
});
