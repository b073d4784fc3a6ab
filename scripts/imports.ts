import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { cached } from '../lab/support/cache.ts';
import { run } from '../lab/support/exec.ts';
import { Unmet } from '../lab/support/unmet.ts';
import { type CustomKind, declarations } from './crds/declarations.ts';
import { goModuleFolder } from './crds/go-module.ts';
import modules from './crds/modules.json' with { type: 'json' };

const root = join(import.meta.dirname, '..');
const target = join(root, 'constructs/imports');
const config = parse(readFileSync(join(root, 'cdk8s.yaml'), 'utf8')) as {
  readonly imports: readonly string[];
};
const shipped = new Map(
  Object.entries(modules).map(([name, pin]) => [`constructs/imports/crds/${name}.yaml`, { name, ...pin }]),
);

/** Everything the result depends on; the committed definitions that cdk8s.yaml lists count by their content. */
const inputs = (): string => {
  const files = [
    'cdk8s.yaml',
    'scripts/imports.ts',
    'scripts/crds/declarations.ts',
    'scripts/crds/modules.json',
    'node_modules/cdk8s-cli/package.json',
    ...config.imports.filter((path) => !shipped.has(path)),
  ];
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
};

type Json = { readonly [key: string]: unknown };

/** Without `description`s: they are four fifths of the bytes, and only `kubectl explain` reads them. */
const terse = (value: unknown, names = false): unknown => {
  if (Array.isArray(value)) return value.map((item) => terse(item));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([key, field]) => {
    return names || key !== 'description' || typeof field !== 'string';
  });
  // Below `properties` the keys are the names of fields, and a field may well be called description.
  return Object.fromEntries(
    fields.map(([key, field]) => [key, terse(field, !names && key === 'properties')]),
  );
};

const definitionsIn = (text: string): readonly Json[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Json | null)
    .filter((object): object is Json => object?.['kind'] === 'CustomResourceDefinition');

/** `group/Kind` if the objects of this definition belong to no namespace. */
const clusterScopedKind = (definition: Json): readonly string[] => {
  const spec = definition['spec'] as { scope: string; group: string; names: { kind: string } };
  return spec.scope === 'Cluster' ? [`${spec.group}/${spec.names.kind}`] : [];
};

const kindsFile = (groups: ReadonlyMap<string, readonly CustomKind[]>): string => {
  const versions = new Map<string, string[]>();
  for (const [group, kinds] of groups) {
    for (const { apiVersion, kind, props } of kinds) {
      const lines = versions.get(apiVersion) ?? [];
      versions.set(apiVersion, [...lines, `    readonly ${kind}: import('./${group}.d.ts').${props};`]);
    }
  }
  const blocks = [...versions].map(
    ([version, lines]) => `  readonly '${version}': {\n${lines.join('\n')}\n  };`,
  );
  return `/** Custom kinds by API version. */\nexport interface CustomKinds {\n${blocks.join('\n')}\n}\n`;
};

const generate = async (folder: string): Promise<void> => {
  mkdirSync(join(folder, 'crds'), { recursive: true });
  const sources: string[] = [];
  const clusterScoped: string[] = [];
  for (const path of config.imports) {
    const pin = shipped.get(path);
    if (pin === undefined) {
      sources.push(join(root, path));
      continue;
    }
    const from = join(await goModuleFolder(pin), pin.folder);
    const texts = readdirSync(from)
      .filter((file) => file.endsWith('.yaml'))
      .toSorted()
      .map((file) => readFileSync(join(from, file), 'utf8'));
    const whole = join(folder, 'crds', `${pin.name}.yaml`);
    writeFileSync(whole, texts.map((text) => `---\n${text}`).join(''));
    const definitions = texts.flatMap(definitionsIn);
    clusterScoped.push(...definitions.flatMap(clusterScopedKind));
    const objects = definitions.map((object) => terse(object));
    writeFileSync(join(folder, 'crds', `${pin.name}.json`), `${JSON.stringify(objects)}\n`);
    sources.push(whole);
  }
  const raw = join(folder, 'raw');
  const cdk8s = join(root, 'node_modules/.bin/cdk8s');
  // Its command line takes one source only, its configuration any number.
  writeFileSync(join(folder, 'cdk8s.yaml'), stringify({ language: 'typescript', imports: sources }));
  await run([cdk8s, 'import', '--no-save', '--check-upgrade=false', '--output', raw], { cwd: folder });
  rmSync(join(folder, 'cdk8s.yaml'));
  const groups = new Map<string, readonly CustomKind[]>();
  for (const file of readdirSync(raw).toSorted()) {
    const { text, kinds } = declarations(readFileSync(join(raw, file), 'utf8'));
    const group = file.replace(/\.ts$/, '');
    writeFileSync(join(folder, `${group}.d.ts`), text);
    groups.set(group, kinds);
  }
  rmSync(raw, { recursive: true });
  writeFileSync(join(folder, 'kinds.d.ts'), kindsFile(groups));
  writeFileSync(join(folder, 'cluster-scoped.json'), `${JSON.stringify(clusterScoped)}\n`);
};

/** Makes the types anew where something that they come from has changed. */
const update = async (): Promise<void> => {
  const key = inputs();
  const stamp = join(target, '.inputs');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return;
  const finished = await cached('imports', key, generate);
  const fresh = `${target}.${process.pid}`;
  cpSync(finished, fresh, { recursive: true });
  writeFileSync(join(fresh, '.inputs'), key);
  rmSync(target, { recursive: true, force: true });
  renameSync(fresh, target);
  const groups = readdirSync(target).filter((file) => file.endsWith('.d.ts')).length - 1;
  console.log(`constructs/imports: types of ${groups} API groups`);
};

try {
  await update();
} catch (error) {
  if (!(error instanceof Unmet)) throw error;
  console.error(`plinth: ${error.message}`);
  process.exitCode = 1;
}
