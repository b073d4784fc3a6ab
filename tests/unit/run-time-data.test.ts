import { ApiObject, App, Chart } from 'cdk8s';
import { runTimeDataAnnotation } from '../../constructs/contracts/index.ts';
import { PlinthNamespace } from '../../constructs/kubernetes/index.ts';
import type { DataPlan } from '../../platform/bridge/data.ts';
import { applyOrder } from '../../platform/bridge/graph.ts';
import { objectName } from '../../platform/bridge/manifest.ts';
import { remaining, unprotected } from '../../platform/cli/destroy.ts';
import { planner } from '../support/data-plan.ts';

/** Whether team red is there, has notebooks, and has a volume that its members share. */
interface Declared {
  readonly team?: boolean;
  readonly notebooks?: boolean;
  readonly shared?: boolean;
}

const steps = ({ team = true, notebooks = team, shared = false }: Declared) => {
  const app = new App();
  if (!team) return applyOrder(app);
  const home = new PlinthNamespace(app, 'namespace-team-red', { name: 'team-red' });
  if (notebooks) home.holdsData('homes');
  if (shared)
    new ApiObject(new Chart(app, 'jupyterhub-team-red', { namespace: 'team-red' }), 'Shared', {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'shared' },
    });
  return applyOrder(app);
};

const plan = planner(steps);

const protection = ({ records }: DataPlan): Readonly<Record<string, boolean>> =>
  Object.fromEntries(
    records.map(({ manifest, lifted }) => [`${manifest.kind} ${manifest.metadata.name}`, !lifted]),
  );
const annotations = ({ records }: DataPlan) => records.map(({ manifest }) => manifest.metadata.annotations);
const homes = { [runTimeDataAnnotation]: 'homes' };
const lifted =
  'team-red/homes: its protection is lifted; the next update removes it with its namespace, unless that holds other data';
const gone = 'team-red/homes: removed with its namespace, as confirmDataLoss in environments/test.ts says';

describe('data that is made in a namespace at run time', () => {
  const before = plan({}).records;

  test('protects the namespace from the first update on that knows of it', () => {
    expect(protection(plan({}))).toEqual({ 'Namespace team-red': true });
    expect(protection(plan({}, plan({ notebooks: false }).records))).toEqual({ 'Namespace team-red': true });
  });

  test('stays, and its namespace with it, when the team is removed', () => {
    const removed = plan({ team: false }, before);
    expect(removed.refusals).toEqual([]);
    expect(removed.kept.map(({ manifest }) => objectName(manifest))).toEqual([
      'team-red',
      'team-red/default-deny',
    ]);
    expect(protection(removed)).toEqual({ 'Namespace team-red': true });
    expect(removed.notes).toEqual([
      'team-red/homes: its namespace is no longer declared; it is kept, with what was made in it',
    ]);
    expect(protection(plan({ team: false }, removed.records))).toEqual({ 'Namespace team-red': true });
  });

  test('leaves the namespace closed as it was: nothing that runs there yet may connect to anything', () => {
    const own = steps({}).flatMap((step) => (step.kind === 'object' ? [step] : []));
    const closed = own.find(({ manifest }) => manifest.metadata.name === 'default-deny');
    const { kept } = plan({ team: false }, before);
    const [, policy] = kept;
    expect([policy?.manifest, policy?.chart]).toEqual([closed?.manifest, closed?.chart]);
  });

  test('is known of after notebooks were switched off, and the namespace says so', () => {
    const off = plan({ notebooks: false }, before);
    expect([off.kept, annotations(off)]).toEqual([[], [homes]]);
    const removed = plan({ team: false }, off.records);
    expect([protection(removed), annotations(removed)]).toEqual([{ 'Namespace team-red': true }, [homes]]);
  });

  test('goes after two updates that confirm it, whether the team was there during the first or not', () => {
    for (const team of [true, false]) {
      const first = plan({ team }, before, ['team-red/homes']);
      expect(protection(first)).toEqual({ 'Namespace team-red': false });
      expect(first.notes).toEqual(team ? [] : [lifted]);
      const second = plan({ team: false }, first.records, ['team-red/homes']);
      expect([second.records, second.notes]).toEqual([[], [gone]]);
    }
  });

  test('stays when the second update no longer confirms it', () => {
    const first = plan({}, before, ['team-red/homes']);
    expect(protection(plan({ team: false }, first.records))).toEqual({ 'Namespace team-red': true });
  });

  test("does not go along with the team's volume, nor that with it", () => {
    const all = plan({ shared: true }).records;
    const volume = ['team-red/shared'];
    const afterVolume = plan({ team: false }, plan({ shared: true }, all, volume).records, volume);
    expect(protection(afterVolume)).toEqual({ 'Namespace team-red': true });
    const own = ['team-red/homes'];
    const afterHomes = plan({ team: false }, plan({ shared: true }, all, own).records, own);
    expect(protection(afterHomes)).toEqual({
      'Namespace team-red': true,
      'PersistentVolumeClaim shared': true,
    });
    const both = [...volume, ...own];
    expect(plan({ team: false }, plan({ shared: true }, all, both).records, both).records).toEqual([]);
  });
});

describe('the end of a stack', () => {
  const resource = (type: string, metadata: object) => ({
    ...{ type: `kubernetes:core/v1:${type}`, urn: `urn:${JSON.stringify(metadata)}`, inputs: { metadata } },
    ...{ protect: true, retainOnDelete: true },
  });
  const state = () => ({
    deployment: {
      resources: [
        resource('Namespace', { name: 'team-red', annotations: homes }),
        resource('PersistentVolumeClaim', { name: 'shared', namespace: 'team-red' }),
      ],
    },
  });
  const left = (...confirmed: readonly string[]) =>
    unprotected(state(), new Set(confirmed))
      .deployment.resources?.filter(({ protect }) => protect)
      .map(({ inputs }) => inputs?.metadata?.name);

  test('keeps a namespace until everything in it is named', () => {
    expect(left()).toEqual(['team-red', 'shared']);
    expect(left('team-red/shared')).toEqual(['team-red']);
    expect(left('team-red/homes')).toEqual(['team-red', 'shared']);
    expect(left('team-red/shared', 'team-red/homes')).toEqual([]);
  });

  test('tells what remains, with commands for the same stack and its settings', () => {
    const { resources } = state().deployment;
    const told = remaining({ stack: 'red', configFile: 'x/Pulumi.red.yaml' }, resources).split('\n');
    expect(told).toEqual([
      'remains, with its data:',
      '  Namespace team-red',
      '  team-red/homes, made in it at run time',
      '  PersistentVolumeClaim team-red/shared',
      'to bring the platform back on it: PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true pulumi up --stack red --config-file x/Pulumi.red.yaml',
      'to remove it for good: ./plinth destroy red --yes --config-file x/Pulumi.red.yaml --confirm-data-loss team-red/homes --confirm-data-loss team-red/shared',
    ]);
    expect(remaining({ stack: 'red' }, resources)).not.toContain('--config-file');
  });
});
