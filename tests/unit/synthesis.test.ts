import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiObject, App, type AppProps, Chart, JsonPatch, Lazy, Yaml } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { syntheticApp } from '../../bench/app.ts';
import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';
import { type SynthesizedChart, synthesize } from '../../platform/synthesis/index.ts';
import { groupKind } from '../../platform/synthesis/scope.ts';
import { writeManifests } from '../../platform/synthesis/write.ts';
import { toYaml } from '../../platform/synthesis/yaml.ts';

const names = Object.keys(environments);
const composed = (name: string): App => compose(parseEnvironment(name, environments[name])).app;

const temporary = (): string => mkdtempSync(join(tmpdir(), 'plinth-synthesis-'));
const folders: string[] = [];
const folder = (): string => {
  const made = temporary();
  folders.push(made);
  return made;
};
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

const object = (chart: Construct, id: string, namespace?: string): ApiObject =>
  new ApiObject(chart, id, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: id, ...(namespace === undefined ? {} : { namespace }) },
  });

const paths = (charts: readonly SynthesizedChart[]): readonly string[] =>
  charts.flatMap(({ objects }) => objects.map(({ path }) => path));

/** What stock cdk8s writes for each object, without the namespace that objects of the cluster can't have. */
const stockDocuments = (app: App, clusterScoped: (apiVersion: string, kind: string) => boolean) =>
  app.node
    .findAll()
    .filter((construct) => ApiObject.isApiObject(construct))
    .map((construct) => {
      const json = construct.toJson();
      if (clusterScoped(json.apiVersion, json.kind)) delete json.metadata.namespace;
      return Yaml.stringify(json);
    })
    .toSorted();

describe.each(names)('environment %s', (name) => {
  const charts = synthesize(composed(name));

  test('every document has the bytes that stock cdk8s gives it', () => {
    const documents = charts.flatMap(({ text }) => text.split(/^---\n/m));
    const clusterScoped = new Set([
      'CustomResourceDefinition',
      'Namespace',
      'ClusterRole',
      'ClusterRoleBinding',
      'GatewayClass',
      'PriorityClass',
      'StorageClass',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
      'ValidatingWebhookConfiguration',
    ]);
    expect(documents.toSorted()).toEqual(
      stockDocuments(composed(name), (_, kind) => clusterScoped.has(kind)),
    );
  });

  test('every object comes after all that its dependencies name', () => {
    const app = composed(name);
    const place = new Map(paths(synthesize(app)).map((path, index) => [path, index]));
    const places = (construct: Construct): readonly number[] =>
      construct.node
        .findAll()
        .map(({ node }) => place.get(node.path))
        .filter((at) => at !== undefined);
    const broken = app.node.findAll().flatMap((source) =>
      source.node.dependencies
        .filter((target) => !target.node.scopes.includes(source) && !source.node.scopes.includes(target))
        .filter(
          (target) => Math.min(...places(source as Construct)) < Math.max(...places(target as Construct)),
        )
        .map((target) => `${source.node.path} before ${target.node.path}`),
    );
    expect(broken).toEqual([]);
    expect(place.size).toBeGreaterThan(10);
  });

  test('namespaces come before what is in them, and definitions before objects of their kind', () => {
    const seen = new Set<string>();
    const early: string[] = [];
    const all = charts.flatMap(({ objects }) => objects);
    const made = new Set(all.map(({ manifest: { kind, metadata } }) => `${kind} ${metadata.name}`));
    for (const { path, manifest } of all) {
      const { apiVersion, kind, metadata } = manifest;
      const spec = manifest['spec'] as { group: string; names: { kind: string } };
      const needs = [`Namespace ${metadata.namespace}`, `defined ${groupKind(apiVersion, kind)}`];
      const [ownNamespace = '', definition = ''] = needs;
      if (made.has(ownNamespace) && !seen.has(ownNamespace)) early.push(`${path} before ${ownNamespace}`);
      seen.add(`${kind} ${metadata.name}`);
      if (kind === 'CustomResourceDefinition') {
        const defined = `defined ${spec.group}/${spec.names.kind}`;
        if (seen.has(`used ${defined}`)) early.push(`${spec.names.kind} used before ${path}`);
        seen.add(defined);
      }
      if (!seen.has(definition)) seen.add(`used ${definition}`);
    }
    expect(early).toEqual([]);
  });

  test('no two objects are the same (kind, namespace, name), and no file holds a password', () => {
    const keys = charts.flatMap(({ objects }) =>
      objects.map(({ manifest: { apiVersion, kind, metadata } }) =>
        [groupKind(apiVersion, kind), metadata.namespace, metadata.name].join(' '),
      ),
    );
    expect(keys.length).toBe(new Set(keys).size);
    const secrets = charts.flatMap(({ objects }) =>
      objects.filter(({ manifest }) => manifest.kind === 'Secret').map(({ path }) => path),
    );
    expect(secrets).toEqual([]);
  });

  test('twice gives the same bytes', () => {
    const again = synthesize(composed(name));
    expect(again.map(({ file, text }) => [file, text])).toEqual(charts.map(({ file, text }) => [file, text]));
  });
});

describe('order', () => {
  test('is that of the tree where nothing is declared', () => {
    const app = syntheticApp(50, 7, 'none');
    const inTree = app.node.findAll().filter((construct) => ApiObject.isApiObject(construct));
    expect(paths(synthesize(app))).toEqual(inTree.map(({ node }) => node.path));
  });

  test('16 charts that each need all earlier ones, and 600 in a row, are put in order at once', () => {
    const start = process.cpuUsage();
    const earlier = synthesize(syntheticApp(320, 16, 'all earlier'));
    const row = synthesize(syntheticApp(1_200, 600, 'previous'));
    const { user, system } = process.cpuUsage(start);
    expect(earlier.map(({ file }) => file)[15]).toBe('15-component-15.k8s.yaml');
    expect(row.map(({ chart }) => chart.node.id)).toEqual(
      Array.from({ length: 600 }, (_, index) => `component-${index}`),
    );
    // Stock takes minutes for either; the bound is wide enough for any machine.
    expect((user + system) / 1e6).toBeLessThan(10);
  });

  test('a chain of 6,000 objects is no stack overflow', () => {
    const app = new App();
    const chart = new Chart(app, 'chart');
    const chain = Array.from({ length: 6_000 }, (_, index) => object(chart, `object-${index}`));
    for (const [index, each] of chain.entries()) {
      const next = chain[index + 1];
      if (next !== undefined) each.addDependency(next);
    }
    expect(paths(synthesize(app))[0]).toBe('chart/object-5999');
  });

  test('a dependency between constructs holds for everything in them', () => {
    const app = new App();
    const first = new Chart(app, 'first');
    const group = new Construct(first, 'group');
    object(group, 'a');
    object(group, 'b');
    const base = new Construct(first, 'base');
    object(base, 'c');
    object(base, 'd');
    group.node.addDependency(base);
    const second = new Chart(app, 'second');
    object(second, 'e');
    first.node.addDependency(second);
    expect(paths(synthesize(app))).toEqual([
      'second/e',
      'first/base/c',
      'first/base/d',
      'first/group/a',
      'first/group/b',
    ]);
  });

  test('a chart may need an object inside it: everything else in it comes later', () => {
    const app = new App();
    const chart = new Chart(app, 'chart');
    object(chart, 'a');
    const inner = new Construct(chart, 'inner');
    object(inner, 'b');
    const namespace = object(inner, 'namespace');
    chart.node.addDependency(namespace);
    expect(paths(synthesize(app))).toEqual(['chart/inner/namespace', 'chart/a', 'chart/inner/b']);
  });

  test('a circle is refused with its path', () => {
    const app = new App();
    const chart = new Chart(app, 'data');
    const [a, b, c] = [object(chart, 'a'), object(chart, 'b'), object(chart, 'c')];
    a.addDependency(b);
    b.addDependency(c);
    c.addDependency(a);
    expect(() => synthesize(app)).toThrow(
      'objects need each other, so that neither can be applied first:\n' +
        '  data/a needs data/b\n  data/b needs data/c\n  data/c needs data/a',
    );
    const charts = new App();
    const [one, two] = [new Chart(charts, 'one'), new Chart(charts, 'two')];
    object(one, 'a').addDependency(object(two, 'b'));
    object(two, 'c').addDependency(object(one, 'd'));
    expect(() => synthesize(charts)).toThrow(
      'charts need each other, so that neither can be applied first:\n' +
        '  one/a needs two/b\n  two/c needs one/d',
    );
  });
});

describe('manifests', () => {
  test('one object twice is refused with both construct paths', () => {
    const app = new App();
    object(new Chart(app, 'one', { namespace: 'data' }), 'settings');
    object(new Chart(app, 'two'), 'settings', 'data');
    object(new Chart(app, 'three'), 'settings', 'other');
    expect(() => synthesize(app)).toThrow(
      'one/settings and two/settings: both are the ConfigMap settings in namespace data',
    );
  });

  test("an object without a namespace doesn't get its chart's, nor does one whose definition says so", () => {
    const app = new App();
    const chart = new Chart(app, 'chart', { namespace: 'data' });
    const make = (apiVersion: string, kind: string, spec: object = {}): ApiObject =>
      new ApiObject(chart, kind, { apiVersion, kind, metadata: { name: kind.toLowerCase() }, spec });
    make('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
      group: 'example.com',
      scope: 'Cluster',
      names: { kind: 'Planet' },
    });
    make('example.com/v1', 'Planet');
    make('example.com/v1', 'Moon');
    make('rbac.authorization.k8s.io/v1', 'ClusterRole');
    make('rbac.authorization.k8s.io/v1', 'Role');
    make('gateway.networking.k8s.io/v1', 'GatewayClass');
    const [made] = synthesize(app);
    const spaces = made?.objects.map(({ manifest }) => [manifest.kind, manifest.metadata.namespace]);
    expect(spaces).toEqual([
      ['CustomResourceDefinition', undefined],
      ['Planet', undefined],
      ['Moon', 'data'],
      ['ClusterRole', undefined],
      ['Role', 'data'],
      ['GatewayClass', undefined],
    ]);
  });

  /** Whatever cdk8s gives a meaning of its own: deferred, computed, patched, empty, and not plain at all. */
  const unusual = (props: AppProps = {}): App => {
    const app = new App(props);
    const chart = new Chart(app, 'chart', { namespace: 'data', labels: { b: '1', a: '2' } });
    const base = { apiVersion: 'example.com/v1', kind: 'Moon' };
    const patched = new ApiObject(chart, 'patched', { ...base, z: 1, spec: { b: [1, 2], a: {} } });
    patched.addJsonPatch(JsonPatch.add('/spec/c', 3), JsonPatch.remove('/spec/b/0'), JsonPatch.add('/y', 1));
    patched.metadata.addAnnotation('z', 'z');
    patched.metadata.addFinalizers('a');
    patched.metadata.add('generateName', 'x');
    new ApiObject(chart, 'deferred', {
      ...base,
      spec: Lazy.any({
        produce: () => [Lazy.any({ produce: () => ({ d: undefined, c: null, b: [] }) }), null],
      }),
      computed: { resolve: () => ({ b: k8s.IntOrString.fromNumber(80), a: '' }) },
      numbers: [k8s.Quantity.fromString('1Gi'), 0, false],
    });
    new k8s.KubeService(chart, 'generated', {
      metadata: { annotations: { b: '1', a: '2' } },
      spec: { ports: [{ port: 80, targetPort: k8s.IntOrString.fromString('http') }], selector: {} },
    });
    return app;
  };

  test('deferred, computed and patched fields are those of cdk8s, whoever resolves them', () => {
    const stock = (app: App) => Yaml.stringify(...app.charts.flatMap((chart) => chart.toJson()));
    const text = (app: App) => synthesize(app).map((chart) => chart.text);
    expect(text(unusual())).toEqual([stock(unusual())]);
    const shout = {
      resolve: (context: { value: unknown; replaceValue: (value: unknown) => void }) => {
        if (context.value === 'http') context.replaceValue('HTTP');
      },
    };
    expect(text(unusual({ resolvers: [shout] }))).toEqual([stock(unusual({ resolvers: [shout] }))]);
    expect(text(unusual({ resolvers: [shout] })).join()).toContain('targetPort: HTTP');
  });

  test('what is no plain value is refused with the path of its object', () => {
    const app = new App();
    const chart = new Chart(app, 'chart');
    new ApiObject(chart, 'clock', { apiVersion: 'v1', kind: 'ConfigMap', data: { now: new Date(0) } });
    expect(() => synthesize(app)).toThrow("Failed serializing construct at path 'chart/clock'");
  });

  test('YAML has the bytes of the library for every string that it would quote, fold or escape', () => {
    const strings = [
      ...[
        '',
        ' ',
        '-',
        '?',
        '~',
        'null',
        'yes',
        'No',
        'on',
        'y',
        'true',
        '<<',
        '=',
        '0',
        '-1',
        '0x1f',
        '0o7',
        '017',
      ],
      ...[
        '1_000',
        '1.',
        '.5',
        '1e3',
        'e12',
        'E123456',
        '.inf',
        '-.INF',
        '.nan',
        '12:30',
        '1:2.5',
        '2026-11-28',
      ],
      ...[
        '2026-11-28T10:00:00Z',
        '2026-11-28 x',
        '10.0.0.0/8',
        '100m',
        '1.2.3',
        'a: b',
        'a:b',
        'a #b',
        'a#b',
        ':',
      ],
      ...[
        'a:',
        '- a',
        '-a',
        '--flag',
        '%a',
        '@a',
        '`a',
        '!a',
        '&a',
        '*a',
        '|',
        '>',
        "it's",
        '"q"',
        `"it's"`,
        '{a}',
      ],
      ...[
        '[a]',
        'a, b',
        ',a',
        '\\',
        'tab\there',
        '\ttab',
        'end ',
        ' start',
        'é',
        '😀',
        '\u00a0',
        '\u2028',
        '\u0085',
      ],
      ...[
        '\u0007',
        '\r\n',
        'a\nb',
        'a\nb\n',
        'a\nb\n\n',
        '\na',
        '\n',
        '  a\nb',
        ' \na',
        'a\n  b\n',
        'a \nb',
        'a\n ',
      ],
      ...['a\n\n\nb\n', '---\na', '--- a', '... ', 'x\u2028%y', 'x'.repeat(200), `${'word '.repeat(60)}end`],
    ];
    for (const text of strings) {
      const document = { a: text, b: [text, { c: text }, [text]], [text || 'empty']: { d: text } };
      expect(toYaml([document])).toBe(Yaml.stringify(document));
    }
    const numbers = { a: [0, -0, 1.5, -3, 1e21, 1e-7, true, false, null], b: {}, c: [], d: [{}, [], [[1]]] };
    const shared = { e: 1 };
    for (const document of [numbers, { f: shared, g: shared }, {}])
      expect(toYaml([document, document])).toBe(Yaml.stringify(document, document));
  });
});

describe('files', () => {
  test('replace those of an earlier run, and never a file that is not ours', () => {
    const out = join(folder(), 'local');
    writeManifests(out, [
      { file: '00-a.k8s.yaml', text: 'a: 1\n' },
      { file: '01-b.k8s.yaml', text: 'b: 1\n' },
    ]);
    writeManifests(out, [{ file: '00-b.k8s.yaml', text: 'b: 2\n' }]);
    expect(readdirSync(out)).toEqual(['00-b.k8s.yaml']);
    expect(readdirSync(join(out, '..'))).toEqual(['local']);
    writeFileSync(join(out, 'notes.txt'), 'mine');
    expect(() => writeManifests(out, [])).toThrow('notes.txt, which is no manifest');
    expect(readFileSync(join(out, '00-b.k8s.yaml'), 'utf8')).toBe('b: 2\n');
  });
});

describe('node platform/synth.ts', () => {
  const root = join(import.meta.dirname, '../..');
  const run = (args: readonly string[], cwd = root): { code: number; output: string } => {
    try {
      const output = execFileSync(process.execPath, [join(root, 'platform/synth.ts'), ...args], {
        cwd,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      return { code: 0, output };
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string };
      return { code: status, output: stderr };
    }
  };

  test('writes every environment, and says a line per chart', () => {
    const out = folder();
    const { code, output } = run(['--all', '--out', out], out);
    expect(code).toBe(0);
    const files = names.flatMap((name) => readdirSync(join(out, name)).map((file) => `${name}/${file}`));
    expect(
      output
        .trimEnd()
        .split('\n')
        .map((line) => line.split('  ')[0]),
    ).toEqual(files);
    for (const name of names) {
      const texts = readdirSync(join(out, name)).map((file) => readFileSync(join(out, name, file), 'utf8'));
      expect(texts).toEqual(synthesize(composed(name)).map(({ text }) => text));
    }
  });

  test('ends with 2 for an environment that is not there', () => {
    expect(run(['nowhere'])).toEqual({
      code: 2,
      output:
        `no environment nowhere; there are ${names.join(', ')}, and a new file needs its line in ` +
        'environments/index.ts\nnode platform/synth.ts --help tells more\n',
    });
    expect(run(['--help']).code).toBe(0);
  });

  test('never loads Pulumi', () => {
    const out = folder();
    const hook = join(out, 'hook.mjs');
    const list = join(out, 'loaded.txt');
    writeFileSync(
      hook,
      `import { appendFileSync } from 'node:fs';
       import { registerHooks } from 'node:module';
       registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(list)}, url + '\\n'); return next(url, context); } });`,
    );
    execFileSync(process.execPath, ['--import', hook, 'platform/synth.ts', 'local', '--out', out], {
      cwd: root,
    });
    const loaded = readFileSync(list, 'utf8').split('\n');
    expect(loaded.some((url) => url.includes('node_modules/cdk8s/'))).toBe(true);
    expect(loaded.filter((url) => url.includes('pulumi'))).toEqual([]);
  });
});
