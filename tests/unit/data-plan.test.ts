import { ApiObject, App, Chart } from 'cdk8s';
import { type DataPlan, type DataRecord, planData } from '../../platform/bridge/data.ts';
import { applyOrder } from '../../platform/bridge/graph.ts';
import { objectName } from '../../platform/bridge/manifest.ts';
import { planner } from '../support/data-plan.ts';

interface Declared {
  /** Name of the claim in chart `postgres`; null: the chart runs without it; undefined: it runs nothing. */
  readonly claim?: string | null;
  readonly size?: string;
  readonly storageClassName?: string;
}

const steps = ({ claim, size = '5Gi', storageClassName }: Declared) => {
  const app = new App();
  const home = new Chart(app, 'data');
  if (claim !== undefined)
    new ApiObject(home, 'Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'data' } });
  const chart = new Chart(app, 'postgres', { namespace: 'data' });
  new ApiObject(chart, 'Settings', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' } });
  if (claim !== undefined) new ApiObject(chart, 'Server', { apiVersion: 'apps/v1', kind: 'StatefulSet' });
  if (typeof claim === 'string')
    new ApiObject(chart, 'Data', {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: claim },
      spec: { storageClassName, resources: { requests: { storage: size } } },
    });
  return applyOrder(app);
};

const plan = planner(steps);

/** Each volume and namespace with data after the update, and whether its protection is lifted. */
const state = ({ records }: DataPlan): Readonly<Record<string, boolean>> =>
  Object.fromEntries(
    records.map(({ manifest, lifted }) => [`${manifest.kind} ${objectName(manifest)}`, lifted]),
  );
const bothProtected = { 'Namespace data': false, 'PersistentVolumeClaim data/postgres': false };
const bothLifted = { 'Namespace data': true, 'PersistentVolumeClaim data/postgres': true };
const names = (records: readonly DataRecord[]): readonly string[] =>
  records.map(({ manifest }) => objectName(manifest));

describe('volumes from one update to the next', () => {
  const before = plan({ claim: 'postgres' }).records;

  test('a volume and its namespace are protected from the first update on', () => {
    expect(state(plan({ claim: 'postgres' }))).toEqual(bothProtected);
  });

  test('a component that is switched off keeps its volume and the namespace around it', () => {
    const off = plan({}, before);
    expect(off.refusals).toEqual([]);
    expect(names(off.kept)).toEqual(['data', 'data/postgres', 'data/default-deny']);
    expect(state(off)).toEqual(bothProtected);
    const on = plan({ claim: 'postgres' }, off.records);
    expect(on.kept).toEqual([]);
    expect(state(on)).toEqual(bothProtected);
  });

  test('a claim that its chart no longer declares is refused with the knob, the file and the name', () => {
    for (const claim of [null, 'renamed'])
      expect(plan({ claim }, before).refusals).toEqual([
        expect.stringMatching(
          /^data\/postgres: .*delete.*'data\/postgres' into confirmDataLoss in environments\/test\.ts/,
        ),
      ]);
  });

  test('a claim that would be replaced by an empty one is refused, and so is a smaller one', () => {
    const other = plan({ claim: 'postgres', storageClassName: 'fast' }, before);
    expect(other.refusals).toEqual([expect.stringMatching(/replace the volume by an empty one.*"fast"/)]);
    const small = plan({ claim: 'postgres', size: '4Gi' }, before, ['data/postgres']);
    expect(small.refusals).toEqual([
      expect.stringMatching(/can't shrink, got 4 GiB, expected at least 5 GiB/),
    ]);
    expect(plan({ claim: 'postgres', size: '6Gi' }, before).refusals).toEqual([]);
  });

  test('losing data takes two updates: one lifts the protection, the next removes', () => {
    const lifted = plan({ claim: 'postgres' }, before, ['data/postgres']);
    expect(state(lifted)).toEqual(bothLifted);
    const gone = plan({}, lifted.records, ['data/postgres']);
    expect(gone.records).toEqual([]);
    expect(gone.notes).toEqual([expect.stringMatching(/^data\/postgres: removed with its data/)]);
  });

  test('confirming and switching off at once only lifts the protection', () => {
    const first = plan({}, before, ['data/postgres']);
    expect(names(first.kept)).toEqual(['data', 'data/postgres', 'data/default-deny']);
    expect(state(first)).toEqual(bothLifted);
    expect(plan({}, first.records, ['data/postgres']).records).toEqual([]);
  });

  test('taking the confirmation back protects again, even when the component is off by then', () => {
    const lifted = plan({ claim: 'postgres' }, before, ['data/postgres']).records;
    expect(state(plan({ claim: 'postgres' }, lifted))).toEqual(bothProtected);
    expect(state(plan({}, lifted))).toEqual(bothProtected);
  });

  test('replacing takes two updates as well', () => {
    const first = plan({ claim: 'postgres', storageClassName: 'fast' }, before, ['data/postgres']);
    expect(names(first.kept)).toEqual(['data/postgres']);
    const second = plan({ claim: 'postgres', storageClassName: 'fast' }, first.records, ['data/postgres']);
    expect(second.kept).toEqual([]);
    expect(second.refusals).toEqual([]);
  });

  test('a namespace stays protected while one of its volumes is', () => {
    const app = new App();
    const chart = new Chart(app, 'data');
    new ApiObject(chart, 'Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'data' } });
    for (const name of ['postgres', 'object-store'])
      new ApiObject(chart, name, {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace: 'data' },
      });
    const both = planData({
      steps: applyOrder(app),
      previous: [],
      confirmed: ['data/postgres'],
      file: 'environments/test.ts',
    });
    expect(state(both)).toEqual({
      'Namespace data': false,
      'PersistentVolumeClaim data/object-store': false,
      'PersistentVolumeClaim data/postgres': true,
    });
  });

  test('a confirmation of nothing is told', () => {
    expect(plan({ claim: 'postgres' }, before, ['data/gone']).notes).toEqual([
      'data/gone: no such volume; take it out of confirmDataLoss in environments/test.ts',
    ]);
  });
});
