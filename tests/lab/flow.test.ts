import { environments } from '../../environments/index.ts';
import { holdsAlone } from '../alone.ts';
import { flow, removed } from './flow/flow.ts';
import { type Evidence, Report } from './flow/report.ts';
import { sizes } from './flow/sizes.ts';
import { isHeld } from './owner.ts';

jest.setTimeout(40 * 60_000);

const { promoter, predictionLog, spark, airflow, notebooks } = environments['local'] ?? {};
const on = [promoter, predictionLog, spark, airflow, notebooks].every((each) => each?.kind === 'on');

holdsAlone('server of scientist-a');

(on ? describe : describe.skip)('the flights project, from raw data to the retrained champion', () => {
  const report = new Report((line) => process.stdout.write(`${line}\n`));
  const { boundSeconds, ...size } = sizes.small;
  let seconds = Number.NaN;
  beforeAll(async () => {
    await flow({ report, ...size });
    seconds = report.seconds;
  });
  afterAll(removed);

  /** What a stage came to; a stage that wasn't reached failed the flow before. */
  const of = (name: string): Evidence => {
    const found = report.stages.find((stage) => stage.name === name);
    if (found === undefined) throw new Error(`no stage ${name}`);
    return found.evidence;
  };

  test('has merged a table and files, and dropped what says nothing', () => {
    expect(of('sources')).toMatchObject({ airlines: 8, airports: 20 });
    const { merged, clean } = of('prepare') as {
      merged: { rows: number };
      clean: { rows: number; dropped: string[] };
    };
    expect(merged.rows).toBeGreaterThan(20_000);
    expect(clean.rows).toBeLessThan(merged.rows);
    expect(clean.rows).toBeGreaterThan(0.95 * merged.rows);
    expect(clean.dropped).toEqual(expect.arrayContaining(['country', 'diverted', 'recorded_by']));
  });

  test('has explored them in a notebook with plots', () => {
    expect(of('2-explore (meanwhile)')).toMatchObject({
      plots: 3,
      says: expect.stringMatching(/flights, .*% late/),
    });
  });

  test('has tried forests and boosted trees, each a run, and registered the best', () => {
    const { trials, auc } = of('train') as { trials: Record<string, number>; auc: number };
    expect(Object.keys(trials)).toHaveLength(4);
    expect(auc).toBeGreaterThan(0.9);
    expect(of('served')).toMatchObject({
      outcome: 'promoted',
      transformer: expect.stringMatching(/^models:/),
    });
  });

  test('has come to the same in notebooks', () => {
    expect(of('1-merge-and-clean (meanwhile)')['last']).toContain("'recorded_by'");
    expect(of('3-train (meanwhile)')['last']).toMatch(/'auc': 0\.9/);
    expect(of('4-serve-and-watch')['last']).toMatch(/'failed': 0\b/);
  });

  test('has asked the served model, raw flights in, and nothing drifted', () => {
    const { failed, rows, drift, accuracy } = of('predictions') as {
      accuracy: Record<string, number>;
    } & Evidence;
    expect({ failed, rows, drift }).toEqual({ failed: 0, rows: 1500, drift: {} });
    expect(Math.min(...Object.values(accuracy))).toBeGreaterThan(0.88);
  });

  test('has seen the shifted fields drift, and none that did not move', () => {
    const drift = of('shift')['drift'] as Record<string, number>;
    for (const field of ['airline', 'taxi_out', 'visibility_miles']) expect(drift[field]).toBeGreaterThan(1);
    for (const field of ['origin', 'destination', 'day_of_week', 'distance_miles', 'scheduled_departure'])
      expect(Object.keys(drift)).not.toContain(field);
  });

  test('has been told so by an alert, which started the DAG that the model names', () => {
    expect(of('alert')).toMatchObject({ by: 'the alert of drift' });
  });

  test('has trained anew, on the flights since the shift, what is better on them', () => {
    const { auc, champion_auc: before } = of('retrain: train') as { auc: number; champion_auc: number };
    expect(auc).toBeGreaterThan(before);
  });

  test('has brought it in by a shadow and a canary without a failed request', () => {
    expect(of('canary')).toMatchObject({ outcome: 'promoted', steps: ['shadow', 'canary'], failed: 0 });
    expect(of('after')).toMatchObject({ failed: 0, drift: {} });
  });

  test('in the time that it may take, twice as long where other tests have a part of the cores', () => {
    expect(seconds).toBeLessThan(isHeld() ? 2 * boundSeconds : boundSeconds);
  });
});
