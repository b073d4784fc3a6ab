import { alone } from '../../alone.ts';
import { eventually } from '../support.ts';
import { ServedModel } from './model.ts';
import { Notebook } from './notebook.ts';
import { Pipelines, type Run } from './pipeline.ts';
import type { Evidence, Report } from './report.ts';

export const person = { account: 'scientist-a', team: 'team-a' } as const;
const dags = { train: 'team-a.flights', retrain: 'team-a.flights-retrain', remove: 'team-a.flights-remove' };
const model = new ServedModel('flight-delays', person.team);
const encoder = 'flight-delays-features';

/** What the project's `serve.ask` found. */
interface Asked extends Evidence {
  readonly requests: number;
  readonly failed: number;
  readonly rows: number;
  readonly versions: Readonly<Record<string, number>>;
  readonly accuracy: Readonly<Record<string, number>>;
}

const asking = (days: 'BEFORE' | 'AFTER', options: string): string =>
  `import json\nfrom flights import serve\nprint(json.dumps(serve.ask(serve.${days}, ${options})))`;

const watching = 'import json\nfrom flights import serve\nprint(json.dumps(serve.retrain_on_drift()))';

/** Rows of a window, and of a request: a window closes with every twentieth. */
const requestsOf = (windows: number): string => `requests=${windows * 20}`;

const text = (evidence: Evidence | undefined, key: string): string => String(evidence?.[key] ?? '');

export interface FlowProps {
  readonly report: Report;
  /** Flights a day of the two years that the sources hold. */
  readonly perDay: number;
  /** Whether the notebooks that do what the pipeline does are run too. */
  readonly allNotebooks: boolean;
  /** How long the platform may take from an alert of drift to a run of the DAG, before the flow starts one itself. */
  readonly alertSeconds: number;
}

/** The project from raw data to the retrained champion, on the running lab, with no person in between. */
export const flow = async ({ report, perDay, allNotebooks, alertSeconds }: FlowProps): Promise<void> => {
  const pipelines = new Pipelines(person.account);
  await pipelines.known(dags.retrain);
  for (const dag of [dags.train, dags.retrain]) await pipelines.idle(dag);
  await model.remove(encoder);
  const opening = Notebook.start(person);
  // Awaited only after the run: a failure until then is no unhandled one.
  opening.catch(() => undefined);
  const earlier = new Set((await model.retrainings()).map(({ run }) => run));
  report.ended('ready', { removed: [model.name, encoder] });
  try {
    const { version: first, repeated } = await trained(pipelines, report, {
      run: await pipelines.trigger(dags.train, { per_day: perDay }),
      ...{ opening, allNotebooks },
    });
    const notebook = await opening;
    await report.stage('watch', () => notebook.run<Evidence>(watching));
    await report.stage('predictions', () => compared(notebook, first, { days: 'BEFORE', windows: 3 }));
    // They work on the same files as the retraining that follows.
    await report.stage('notebooks', async () => {
      await repeated;
      return {};
    });
    await report.stage('shift', () => compared(notebook, first, { days: 'AFTER', windows: 3 }));
    const run = await retraining(pipelines, report, { earlier, alertSeconds });
    await renewed(pipelines, report, notebook, { run, first });
    await report.stage('4-serve-and-watch', () => notebook.execute('4-serve-and-watch'));
  } finally {
    await opening.then((notebook) => notebook.stop()).catch(() => undefined);
  }
};

/** Takes away what the flow made, but for the runs that MLflow and Airflow remember. */
export const removed = async (): Promise<void> => {
  const pipelines = new Pipelines(person.account);
  for (const dag of [dags.train, dags.retrain]) await pipelines.idle(dag);
  await model.remove(encoder);
  await pipelines.follow(await pipelines.trigger(dags.remove), () => undefined);
};

interface FirstProps {
  readonly run: Run;
  readonly opening: Promise<Notebook>;
  readonly allNotebooks: boolean;
}

interface First {
  readonly version: string;
  /** Ends with the notebooks that do once more what the pipeline did. */
  readonly repeated: Promise<void>;
}

/** Follows the pipeline to a champion that serves; notebooks are run over its data meanwhile. */
const trained = async (
  pipelines: Pipelines,
  report: Report,
  { run, opening, allNotebooks }: FirstProps,
): Promise<First> => {
  const found = new Map<string, Evidence>();
  let executed: Promise<void> = Promise.resolve();
  const execute = (name: string): void => {
    executed = executed.then(async () => {
      const notebook = await opening;
      const since = performance.now();
      report.ended(`${name} (meanwhile)`, await notebook.execute(name), since);
    });
    // Awaited by whoever needs it done.
    executed.catch(() => undefined);
  };
  await pipelines.follow(run, (task, evidence) => {
    found.set(task, evidence);
    report.ended(task, evidence);
    if (task === 'prepare') execute('2-explore');
    // From here on nobody else reads the files that the first one writes anew.
    if (task === 'train' && allNotebooks) for (const name of ['1-merge-and-clean', '3-train']) execute(name);
  });
  const version = text(found.get('champion'), 'version');
  await report.stage('served', async () => {
    const { model: state, rollouts } = await model.rolledOut(version);
    return {
      serving: state.serving,
      outcome: rollouts[0]?.outcome,
      transformer: found.get('train')?.['transformer'],
    };
  });
  return { version, repeated: executed };
};

interface ComparedProps {
  readonly days: 'BEFORE' | 'AFTER';
  readonly windows: number;
}

/** Asks about so many windows of flights; resolves to what came of it once the platform has compared them. */
const compared = (notebook: Notebook, version: string, props: ComparedProps): Promise<Evidence> =>
  // A window closes with the last of its rows only, and tests beside this one let records be lost.
  alone('prediction log', () => windowsOf(notebook, version, props));

const windowsOf = async (
  notebook: Notebook,
  version: string,
  { days, windows }: ComparedProps,
): Promise<Evidence> => {
  // A model of the same name may have been there before.
  const before = await model.windows(version);
  const seen = await notebook.run<Asked>(asking(days, requestsOf(windows)));
  const after = await eventually(
    `${windows} windows are compared`,
    () => model.windows(version),
    (count) => count >= before + windows,
    180,
  );
  return { ...seen, windows: after - before, drift: await model.drift(version) };
};

interface RetrainingProps {
  /** Runs that earlier alerts caused. */
  readonly earlier: ReadonlySet<string>;
  readonly alertSeconds: number;
}

/** The run that the alert caused; where none comes, one that the flow asks for, and says so. */
const retraining = async (
  pipelines: Pipelines,
  report: Report,
  { earlier, alertSeconds }: RetrainingProps,
): Promise<Run> => {
  const caused = await eventually(
    'the alert of drift causes a run',
    async () =>
      (await model.retrainings()).find(({ run, state }) => state === 'triggered' && !earlier.has(run)),
    (found) => found !== undefined,
    alertSeconds,
  ).catch(() => undefined);
  const run =
    caused === undefined ? await pipelines.trigger(dags.retrain) : { dag: caused.dag, id: caused.run };
  const by =
    caused === undefined ? `the flow itself: no alert within ${alertSeconds} s` : 'the alert of drift';
  report.ended('alert', { by, run: run.id });
  return run;
};

interface RenewedProps {
  readonly run: Run;
  /** The version that serves until then. */
  readonly first: string;
}

/** The new version, by a shadow and a canary, while callers go on asking; and how much better it is. */
const renewed = async (
  pipelines: Pipelines,
  report: Report,
  notebook: Notebook,
  { run, first }: RenewedProps,
): Promise<void> => {
  let traffic: Promise<Asked> | undefined;
  let version = '';
  await pipelines.follow(run, (task, evidence) => {
    report.ended(`retrain: ${task}`, evidence);
    if (task !== 'train') return;
    version = text(evidence, 'version');
    traffic = notebook.run<Asked>(asking('AFTER', `until="${version}"`));
    traffic.catch(() => undefined);
  });
  await report.stage('canary', async () => {
    const { model: state, rollouts, audit } = await model.rolledOut(version);
    const seen = await traffic;
    const begun = audit.findIndex(({ event }) => event === 'begun');
    const steps = audit
      .slice(0, begun + 1)
      .reverse()
      .filter(({ event }) => event === 'step')
      .map(({ detail }) => detail['kind']);
    const quality = audit.slice(0, begun + 1).find(({ event }) => event === 'passed')?.detail['quality'];
    return {
      ...{
        serving: state.serving,
        outcome: rollouts[0]?.outcome,
        reason: rollouts[0]?.reason,
        steps,
        quality,
      },
      ...{
        requests: seen?.requests,
        failed: seen?.failed,
        versions: seen?.versions,
        accuracy: seen?.accuracy,
      },
      replaced: first,
    };
  });
  await report.stage('after', () => compared(notebook, version, { days: 'AFTER', windows: 2 }));
};
