import type { App, Chart } from 'cdk8s';
import clusterScopedCustomKinds from '../../constructs/imports/cluster-scoped.json' with { type: 'json' };
import { order } from './order.ts';
import { clusterScopedKinds, groupKind } from './scope.ts';
import { toYaml } from './yaml.ts';

export { DependencyCycleError, type OrderedChart, order } from './order.ts';

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

type Definition = {
  readonly spec: {
    readonly scope: string;
    readonly group: string;
    readonly names: { readonly kind: string };
  };
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

const validate = (app: App): void => {
  const mistakes = app.node
    .findAll()
    .flatMap(({ node }) => node.validate().map((mistake) => `${node.path}: ${mistake}`));
  if (mistakes.length > 0) throw new SynthesisError(mistakes);
};

const rejectDuplicates = (charts: readonly Pick<SynthesizedChart, 'objects'>[]): void => {
  const first = new Map<string, string>();
  const mistakes: string[] = [];
  for (const { objects } of charts) {
    for (const { path, manifest } of objects) {
      const { apiVersion, kind, metadata } = manifest;
      const where = metadata.namespace === undefined ? '' : ` in namespace ${metadata.namespace}`;
      const key = `${groupKind(apiVersion, kind)} ${metadata.namespace ?? ''} ${metadata.name}`;
      const other = first.get(key);
      if (other === undefined) first.set(key, path);
      else mistakes.push(`${other} and ${path}: both are the ${kind} ${metadata.name}${where}`);
    }
  }
  if (mistakes.length > 0) throw new SynthesisError(mistakes);
};

/**
 * Turns a composed platform into manifests. A pure function of the tree, linear in objects, charts and dependencies,
 * where stock cdk8s is exponential in dependencies between charts; otherwise its documents are stock's byte for byte,
 * except that objects without a namespace don't get the chart's. Throws a SynthesisError or DependencyCycleError.
 */
export const synthesize = (app: App): readonly SynthesizedChart[] => {
  validate(app);
  const ordered = order(app);
  const charts = ordered.map(({ chart, objects }) => ({
    chart,
    objects: objects.map((object) => ({ path: object.node.path, manifest: object.toJson() as Manifest })),
  }));
  const withoutNamespaces = new Set([...clusterScopedKinds, ...clusterScopedCustomKinds]);
  for (const { manifest } of charts.flatMap(({ objects }) => objects)) {
    if (manifest.kind !== 'CustomResourceDefinition') continue;
    const { scope, group, names } = (manifest as unknown as Definition).spec;
    if (scope === 'Cluster') withoutNamespaces.add(`${group}/${names.kind}`);
  }
  const scoped = charts.map(({ chart, objects }) => ({
    chart,
    objects: objects.map(({ path, manifest }) => {
      const stray = manifest.metadata.namespace !== undefined;
      const strip = stray && withoutNamespaces.has(groupKind(manifest.apiVersion, manifest.kind));
      return { path, manifest: strip ? withoutNamespace(manifest) : manifest };
    }),
  }));
  rejectDuplicates(scoped);
  return scoped.map(({ chart, objects }, index) => ({
    file: fileName(chart, index, scoped.length),
    chart,
    objects,
    text: toYaml(objects.map(({ manifest }) => manifest)),
  }));
};
