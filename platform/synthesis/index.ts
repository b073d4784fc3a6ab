import { ApiObject, type App, type Chart } from 'cdk8s';
import type { IConstruct } from 'constructs';
import clusterScopedCustomKinds from '../../constructs/imports/cluster-scoped.json' with { type: 'json' };
import { toJson } from './json.ts';
import { type Implied, order } from './order.ts';
import { clusterScopedKinds, groupKind } from './scope.ts';
import { toYaml } from './yaml.ts';

export { DependencyCycleError } from './order.ts';

/** One object as it is applied. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

export interface SynthesizedChart {
  /** `NN-<chart>.k8s.yaml`: files in the order of their names are in apply order. */
  readonly file: string;
  readonly chart: Chart;
  /** In apply order; `path` is the construct's. */
  readonly objects: readonly { readonly path: string; readonly manifest: Manifest }[];
  readonly text: string;
}

/** The tree can't be turned into manifests; each mistake names the constructs it is about. */
export class SynthesisError extends Error {
  override readonly name = 'SynthesisError';
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'));
    this.mistakes = mistakes;
  }
}

type Manifests = ReadonlyMap<ApiObject, Manifest>;

interface Definition {
  readonly object: ApiObject;
  /** Whether objects of the kind belong to no namespace. */
  readonly clusterScoped: boolean;
}

/** The kinds that the tree itself defines, as `group/Kind`. */
type Definitions = ReadonlyMap<string, Definition>;

const definitionsIn = (manifests: Manifests): Definitions => {
  const defined = new Map<string, Definition>();
  for (const [object, manifest] of manifests) {
    if (manifest.kind !== 'CustomResourceDefinition') continue;
    const spec = manifest['spec'] as { group: string; scope: string; names: { kind: string } };
    defined.set(`${spec.group}/${spec.names.kind}`, { object, clusterScoped: spec.scope === 'Cluster' });
  }
  return defined;
};

/** What Kubernetes itself asks for: a namespace before what is in it, a definition before objects of its kind. */
const impliedIn = (manifests: Manifests, definitions: Definitions): readonly Implied[] => {
  const namespaces = new Map<string, ApiObject>();
  for (const [object, { kind, metadata }] of manifests) {
    if (kind === 'Namespace') namespaces.set(metadata.name, object);
  }
  const implied: Implied[] = [];
  for (const [object, { apiVersion, kind, metadata }] of manifests) {
    const namespace = namespaces.get(metadata.namespace ?? '');
    const definition = definitions.get(groupKind(apiVersion, kind));
    if (namespace !== undefined) implied.push([object, namespace]);
    if (definition !== undefined) implied.push([object, definition.object]);
  }
  return implied;
};

/** Without the namespace of its chart, which cdk8s copies onto objects that can't be in one. */
const scoped = (manifests: Manifests, definitions: Definitions): Manifests => {
  const clusterScoped = new Set([...clusterScopedKinds, ...clusterScopedCustomKinds]);
  for (const [kind, definition] of definitions) if (definition.clusterScoped) clusterScoped.add(kind);
  const result = new Map<ApiObject, Manifest>();
  for (const [object, manifest] of manifests) {
    const stray = manifest.metadata.namespace !== undefined;
    const strip = stray && clusterScoped.has(groupKind(manifest.apiVersion, manifest.kind));
    result.set(object, strip ? withoutNamespace(manifest) : manifest);
  }
  return result;
};

const withoutNamespace = (manifest: Manifest): Manifest => {
  const { namespace: _, ...metadata } = manifest.metadata;
  // In place of the old value, so that the order of the fields stays.
  return { ...manifest, metadata };
};

const fileName = (chart: Chart, index: number, count: number): string => {
  const digits = Math.max(2, String(count - 1).length);
  const name = chart.node.path.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-');
  return `${String(index).padStart(digits, '0')}-${name}.k8s.yaml`;
};

const validate = (constructs: readonly IConstruct[]): void => {
  const mistakes: string[] = [];
  for (const { node } of constructs)
    for (const mistake of node.validate()) mistakes.push(`${node.path}: ${mistake}`);
  if (mistakes.length > 0) throw new SynthesisError(mistakes);
};

const rejectDuplicates = (manifests: Manifests): void => {
  const first = new Map<string, string>();
  const mistakes: string[] = [];
  for (const [{ node }, { apiVersion, kind, metadata }] of manifests) {
    const where = metadata.namespace === undefined ? '' : ` in namespace ${metadata.namespace}`;
    const key = `${groupKind(apiVersion, kind)} ${metadata.namespace ?? ''} ${metadata.name}`;
    const other = first.get(key);
    if (other === undefined) first.set(key, node.path);
    else mistakes.push(`${other} and ${node.path}: both are the ${kind} ${metadata.name}${where}`);
  }
  if (mistakes.length > 0) throw new SynthesisError(mistakes);
};

/**
 * Turns a composed platform into manifests. A pure function of the tree, linear in objects, charts and dependencies,
 * where stock cdk8s is exponential in dependencies between charts; otherwise its documents are stock's byte for byte,
 * except that objects without a namespace don't get the chart's. Charts without objects give no file. Throws a
 * SynthesisError or DependencyCycleError.
 */
export const synthesize = (app: App): readonly SynthesizedChart[] => {
  const constructs = app.node.findAll();
  validate(constructs);
  const objects = constructs.filter((construct) => ApiObject.isApiObject(construct));
  const json = toJson(app, objects) as readonly Manifest[];
  const rendered = new Map(objects.map((object, index) => [object, json[index] as Manifest]));
  const definitions = definitionsIn(rendered);
  const manifests = scoped(rendered, definitions);
  rejectDuplicates(manifests);
  const charts = order(constructs, impliedIn(manifests, definitions)).filter(
    (each) => each.objects.length > 0,
  );
  return charts.map(({ chart, objects }, index) => {
    const ordered = objects.map((object) => ({
      path: object.node.path,
      manifest: manifests.get(object) as Manifest,
    }));
    const text = toYaml(ordered.map(({ manifest }) => manifest));
    return { file: fileName(chart, index, charts.length), chart, objects: ordered, text };
  });
};
