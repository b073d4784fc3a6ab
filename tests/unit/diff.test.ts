import { compare, type RenderedObject } from '../../platform/cli/compare.ts';
import { markdownReport, textReport } from '../../platform/cli/report.ts';

const deployment = (image: string, more: Readonly<Record<string, unknown>> = {}): RenderedObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'mlflow', namespace: 'mlflow' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'mlflow' } },
    template: { spec: { containers: [{ name: 'sidecar' }, { name: 'server', image }] } },
    ...more,
  },
});
const config = (data: Readonly<Record<string, string>>): RenderedObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'files', namespace: 'mlflow' },
  data,
});
const claim = (storageClassName: string, storage = '5Gi'): RenderedObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'postgres', namespace: 'data' },
  spec: { storageClassName, resources: { requests: { storage } } },
});
const job = (hash: string, image: string): RenderedObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: `migrate-${hash}`, namespace: 'mlflow' },
  spec: { template: { spec: { containers: [{ name: 'migrate', image }] } } },
});

describe('what a change does to the rendered objects', () => {
  test('nothing, when they are the same', () => {
    expect(compare([deployment('a')], [deployment('a')])).toEqual([]);
  });

  test('names the field, containers by their name, with both values, and that pods restart', () => {
    expect(compare([deployment('a')], [deployment('b')])).toEqual([
      {
        kind: 'changed',
        object: 'Deployment mlflow/mlflow',
        fields: [{ path: 'spec.template.spec.containers[server].image', before: 'a', after: 'b' }],
        effects: ['restarts'],
      },
    ]);
  });

  test('replicas restart nothing, another selector replaces', () => {
    const [scaled] = compare([deployment('a')], [deployment('a', { replicas: 3 })]);
    expect(scaled?.effects).toEqual([]);
    const [selector] = compare([deployment('a')], [deployment('a', { selector: { matchLabels: {} } })]);
    expect(selector?.effects).toEqual(['replaces']);
  });

  test('a bigger volume is a change, another storage class loses data, and so does a removed claim', () => {
    const effects = (after: readonly RenderedObject[]) => compare([claim('slow')], after)[0]?.effects;
    expect(effects([claim('slow', '6Gi')])).toEqual([]);
    expect(effects([claim('fast')])).toEqual(['replaces', 'loses data unless kept']);
    expect(effects([])).toEqual(['loses data unless kept']);
  });

  test('a Job with another hash is the same work done again, not one more and one less', () => {
    const changes = compare([job('0011aabb', 'a')], [job('ccdd2233', 'b')]);
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({ kind: 'changed', effects: ['runs again'] });
    expect(changes[0]?.fields.map(({ path }) => path)).toEqual([
      'metadata.name',
      'spec.template.spec.containers[migrate].image',
    ]);
  });

  test('an object of a group in another version is changed, not replaced', () => {
    const [change] = compare([deployment('a')], [{ ...deployment('a'), apiVersion: 'apps/v2' }]);
    expect(change).toMatchObject({ kind: 'changed', fields: [{ path: 'apiVersion' }] });
  });

  test('keys that are no plain names are quoted', () => {
    const [change] = compare([config({ 'a.py': '1' })], [config({ 'a.py': '2' })]);
    expect(change?.fields[0]?.path).toBe('data["a.py"]');
  });
});

describe('the report', () => {
  const changes = compare(
    [deployment('a'), config({ 'a.py': 'one\ntwo\nthree\n' }), claim('slow')],
    [deployment('b'), config({ 'a.py': 'one\n2\nthree\n' }), { ...claim('slow'), metadata: { name: 'x' } }],
  );
  const diffs = [
    { environment: 'local', changes },
    { environment: 'staging', changes: [] },
  ];

  test('as text: every object with its effect, every field with both values, lines of files', () => {
    expect(textReport(diffs)).toBe(
      [
        'local: 1 added, 1 removed, 2 changed; restarts: Deployment mlflow/mlflow; loses data unless kept: PersistentVolumeClaim data/postgres',
        '  ~ ConfigMap mlflow/files',
        '    data["a.py"]:',
        '      - two',
        '      + 2',
        '  ~ Deployment mlflow/mlflow  (restarts)',
        '    spec.template.spec.containers[server].image: "a" -> "b"',
        '  - PersistentVolumeClaim data/postgres  (loses data unless kept)',
        '  + PersistentVolumeClaim x',
        '',
        'staging: no difference',
      ].join('\n'),
    );
  });

  test('as Markdown: a table of what to look at, and the changes to open', () => {
    const comment = markdownReport(diffs, 'main');
    expect(comment).toContain(
      '| local | 1 | 1 | 2 | `PersistentVolumeClaim data/postgres` (data) | `Deployment mlflow/mlflow` |',
    );
    expect(comment).toContain('| staging | 0 | 0 | 0 |  |  |');
    expect(comment).toContain('<details><summary>local: 4 objects</summary>');
    expect(comment).toContain('\n- PersistentVolumeClaim data/postgres  (loses data unless kept)\n');
  });

  test('as Markdown it fits into a comment, and says where the rest is', () => {
    const many = Array.from({ length: 4000 }, (_, at) => ({
      ...config({ key: 'x'.repeat(60) }),
      metadata: { name: `files-${at}` },
    }));
    const comment = markdownReport([{ environment: 'local', changes: compare([], many) }], 'main');
    expect(comment.length).toBeLessThan(65_536);
    expect(comment).toMatch(/\| local \| 4000 \| 0 \| 0 .*\.\/plinth diff --base main` prints it all/s);
  });
});
