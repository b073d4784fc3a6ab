import { ApiObject, Chart } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { topology } from './topology.ts';

/** One chart and its objects, in the order in which they are to be applied. */
export interface OrderedChart {
  readonly chart: Chart;
  readonly objects: readonly ApiObject[];
}

/** Dependencies that no order satisfies. */
export class DependencyCycleError extends Error {
  override readonly name = 'DependencyCycleError';

  constructor(what: string, lines: readonly string[]) {
    super(`${what} need each other, so that neither can be applied first:\n  ${lines.join('\n  ')}`);
  }
}

/** The construct tree by numbers in tree order, so that sets and maps of constructs become arrays. */
interface Tree {
  readonly constructs: readonly IConstruct[];
  readonly numberOf: ReadonlyMap<IConstruct, number>;
  /** -1 for the root. */
  readonly parent: number[];
  /** Nothing for a construct without any. */
  readonly children: readonly (readonly number[] | undefined)[];
  /** Number of the construct after the last one below this one. */
  readonly end: number[];
  /** Number of the closest chart at or above, -1 where there is none. */
  readonly chart: number[];
  /** What a construct needs, where neither is inside the other; nothing for one that needs nothing. */
  readonly dependencies: (number[] | undefined)[];
}

const append = (lists: (number[] | undefined)[], to: number, number: number): void => {
  const list = lists[to];
  if (list === undefined) lists[to] = [number];
  else list.push(number);
};

/**
 * A construct may need something inside it, or be inside what it needs: then the rest of the outer one and the inner
 * one need each other in that direction, and the rest is what branches off the path between the two.
 */
const addNested = (tree: Tree, outer: number, inner: number, outerNeedsInner: boolean): void => {
  for (let on = inner; on !== outer; on = tree.parent[on] ?? outer) {
    for (const child of tree.children[tree.parent[on] ?? outer] ?? []) {
      if (child === on) continue;
      const [from, to] = outerNeedsInner ? [child, inner] : [inner, child];
      append(tree.dependencies, from, to);
    }
  }
};

const treeOf = (constructs: readonly IConstruct[]): Tree => {
  const [root] = constructs;
  const numberOf = new Map(constructs.map((construct, number) => [construct, number]));
  const children = new Array<number[] | undefined>(constructs.length);
  const tree: Tree = {
    constructs,
    numberOf,
    parent: [],
    children,
    end: constructs.map((_, number) => number + 1),
    chart: [],
    dependencies: new Array<number[] | undefined>(constructs.length),
  };
  const { parent, end, chart } = tree;
  for (const [number, construct] of constructs.entries()) {
    const above = construct === root ? undefined : construct.node.scope;
    const outer = above === undefined ? -1 : (numberOf.get(above) ?? -1);
    parent[number] = outer;
    if (outer >= 0) append(children, outer, number);
    chart[number] = Chart.isChart(construct) ? number : (chart[outer] ?? -1);
  }
  for (let number = constructs.length - 1; number > 0; number -= 1) {
    const above = parent[number] ?? 0;
    end[above] = Math.max(end[above] ?? 0, end[number] ?? 0);
  }
  const isBelow = (inner: number, outer: number): boolean => outer < inner && inner < (end[outer] ?? 0);
  for (const [source, construct] of constructs.entries()) {
    const declared = construct.node.dependencies;
    for (const needed of declared.length > 1 ? new Set(declared) : declared) {
      const target = numberOf.get(needed);
      if (target === undefined || target === source) continue;
      if (isBelow(target, source)) addNested(tree, source, target, true);
      else if (isBelow(source, target)) addNested(tree, target, source, false);
      else append(tree.dependencies, source, target);
    }
  }
  return tree;
};

const pathOf = (tree: Tree, number: number): string => tree.constructs[number]?.node.path ?? '';

/**
 * The numbers of all objects of the tree, each after what it needs. A dependency between constructs holds for everything below
 * them: as pairs of objects that would be their product, so each construct gets a begin and an end instead, and
 * "a needs b" is one edge from a's begin to b's end.
 */
const orderedObjects = (tree: Tree): readonly number[] => {
  const { constructs, parent, children, dependencies } = tree;
  const begin = (number: number): number => 2 * number;
  const end = (number: number): number => 2 * number + 1;
  const endOf = (number: number | undefined): number | undefined =>
    number === undefined ? undefined : end(number);
  const sorted = topology(2 * constructs.length, (node, at) => {
    const number = node >> 1;
    if (node === end(number)) return at === 0 ? begin(number) : endOf(children[number]?.[at - 1]);
    const above = parent[number] ?? -1;
    if (above < 0) return endOf(dependencies[number]?.[at]);
    return at === 0 ? begin(above) : endOf(dependencies[number]?.[at - 1]);
  });
  if ('cycle' in sorted) {
    const edges = sorted.cycle.flatMap((node, index) => {
      const next = sorted.cycle[(index + 1) % sorted.cycle.length] ?? 0;
      const [from, to] = [node >> 1, next >> 1];
      const declared = node === begin(from) && next === end(to) && dependencies[from]?.includes(to);
      return declared ? [`${pathOf(tree, from)} needs ${pathOf(tree, to)}`] : [];
    });
    throw new DependencyCycleError('objects', edges);
  }
  const isObject = (node: number): boolean => node % 2 === 0 && ApiObject.isApiObject(constructs[node >> 1]);
  return sorted.filter(isObject).map((node) => node >> 1);
};

/** Numbers of the charts that hold a construct, or that it holds if it stands above charts. */
const chartsAt = (tree: Tree, number: number): readonly number[] => {
  const own = tree.chart[number] ?? -1;
  if (own >= 0) return [own];
  const charts: number[] = [];
  for (let below = number; below < (tree.end[number] ?? 0); below += 1) {
    if (tree.chart[below] === below) charts.push(below);
  }
  return charts;
};

/** Why a chart comes after another: a construct in it, or above it, that needs one of the other's; or holds it. */
type Reason = readonly [source: number, verb: 'needs' | 'holds', target: number];

const orderedCharts = (tree: Tree): readonly number[] => {
  const charts: number[] = [];
  for (let number = 0; number < tree.chart.length; number += 1)
    if (tree.chart[number] === number) charts.push(number);
  const place = new Int32Array(tree.constructs.length);
  for (let index = 0; index < charts.length; index += 1) place[charts[index] ?? 0] = index;
  /** For each chart the charts it needs, each with the first dependency that says so. */
  const needs = new Array<Map<number, Reason> | undefined>(charts.length);
  const add = (source: number, target: number, reason: Reason): void => {
    if (source === target) return;
    const from = place[source] ?? 0;
    const needed = needs[from] ?? new Map<number, Reason>();
    needs[from] = needed;
    const to = place[target] ?? 0;
    if (!needed.has(to)) needed.set(to, reason);
  };
  for (let number = 0; number < tree.dependencies.length; number += 1) {
    for (const target of tree.dependencies[number] ?? []) {
      for (const from of chartsAt(tree, number))
        for (const to of chartsAt(tree, target)) add(from, to, [number, 'needs', target]);
    }
  }
  // As in stock cdk8s: a chart inside another is applied before it.
  for (const inner of charts) {
    const outer = tree.chart[tree.parent[inner] ?? -1] ?? -1;
    if (outer >= 0) add(outer, inner, [outer, 'holds', inner]);
  }
  const needed = needs.map((each) => (each === undefined ? undefined : [...each.keys()]));
  const sorted = topology(charts.length, (index, at) => needed[index]?.[at]);
  if ('cycle' in sorted) {
    const lines = sorted.cycle.map((index, at) => {
      const next = sorted.cycle[(at + 1) % sorted.cycle.length] ?? 0;
      const [source, verb, target] = needs[index]?.get(next) ?? [0, 'needs', 0];
      return `${pathOf(tree, source)} ${verb} ${pathOf(tree, target)}`;
    });
    throw new DependencyCycleError('charts', lines);
  }
  return sorted.map((index) => charts[index] ?? 0);
};

/** A need that no construct declares: the first object comes after the second. */
export type Implied = readonly [ApiObject, ApiObject];

/**
 * Every chart of a tree, given as its constructs in tree order, and its objects, in the order in which they are to be
 * applied: dependencies first, tree order otherwise. Linear in objects, charts and dependencies. Throws a
 * DependencyCycleError that names the dependencies in the circle.
 */
export const order = (
  constructs: readonly IConstruct[],
  implied: readonly Implied[] = [],
): readonly OrderedChart[] => {
  const tree = treeOf(constructs);
  for (const [source, target] of implied) {
    const [from, to] = [tree.numberOf.get(source), tree.numberOf.get(target)];
    if (from !== undefined && to !== undefined) append(tree.dependencies, from, to);
  }
  const charts = orderedCharts(tree);
  const objects = new Array<number[] | undefined>(tree.constructs.length);
  for (const number of orderedObjects(tree)) append(objects, tree.chart[number] ?? -1, number);
  return charts.map((number) => ({
    chart: tree.constructs[number] as Chart,
    objects: (objects[number] ?? []).map((object) => tree.constructs[object] as ApiObject),
  }));
};
