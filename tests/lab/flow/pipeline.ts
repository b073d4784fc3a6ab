import { Member, tasksOf } from '../airflow.ts';
import { eventually } from '../support.ts';
import type { Evidence } from './report.ts';

interface TaskInstance {
  readonly task_id: string;
  readonly state: string | null;
}

/** A run of a DAG, seen as its team's member sees it. */
export interface Run {
  readonly dag: string;
  readonly id: string;
}

/** DAGs of a team, and runs of them, by Airflow's API. */
export class Pipelines {
  readonly #member: Member;

  constructor(account: string) {
    this.#member = new Member(account);
  }

  /** Until Airflow has read it from git. */
  async known(dag: string): Promise<void> {
    await eventually(
      `Airflow knows ${dag}`,
      () => this.#member.ask(`/dags/${dag}`),
      ({ status }) => status === 200,
      300,
    );
  }

  /** Until no run of it is under way, such as one that an earlier alert caused. */
  async idle(dag: string): Promise<void> {
    await eventually(
      `no run of ${dag} is under way`,
      () =>
        this.#member.ask<{ total_entries: number }>(
          `/dags/${dag}/dagRuns?state=queued&state=running&limit=1`,
        ),
      ({ body }) => body.total_entries === 0,
      900,
    );
  }

  async trigger(dag: string, conf: object = {}): Promise<Run> {
    const wanted = { logical_date: null, conf };
    const { status, body } = await this.#member.ask<{ dag_run_id: string }>(`/dags/${dag}/dagRuns`, wanted);
    if (status !== 200) throw new Error(`no run of ${dag}: ${status} ${JSON.stringify(body)}`);
    return { dag, id: body.dag_run_id };
  }

  /**
   * Follows a run to its end. `taskEnded` is told of each task that ended well, with what it returned; a task that
   * didn't ends the wait with its log.
   */
  async follow(
    run: Run,
    taskEnded: (task: string, returned: Evidence) => void,
    seconds = 900,
  ): Promise<void> {
    const path = `/dags/${run.dag}/dagRuns/${encodeURIComponent(run.id)}`;
    const told = new Set<string>();
    const step = async (): Promise<string> => {
      const tasks = await this.#member.ask<{ task_instances: readonly TaskInstance[] }>(
        `${path}/taskInstances`,
      );
      for (const { task_id: task, state } of tasks.body.task_instances) {
        if (state !== 'success' || told.has(task)) continue;
        told.add(task);
        taskEnded(task, await this.#returned(path, task));
      }
      return (await this.#member.ask<{ state: string }>(path)).body.state;
    };
    let state = await eventually(
      `${run.dag} ends`,
      step,
      (each) => ['success', 'failed'].includes(each),
      seconds,
    );
    // The last task may have ended between the two questions.
    state = await step();
    if (state === 'success') return;
    const tasks = await tasksOf(this.#member, path);
    throw new Error(
      `${run.dag} ${state}: ${tasks.map((each) => `${each.task_id} ${each.state}`).join(', ')}`,
    );
  }

  async #returned(path: string, task: string): Promise<Evidence> {
    const { status, body } = await this.#member.ask<{ value: unknown }>(
      `${path}/taskInstances/${task}/xcomEntries/return_value`,
    );
    if (status !== 200) return {};
    return (typeof body.value === 'string' ? JSON.parse(body.value) : body.value) as Evidence;
  }
}
