import { ApiObject, Chart } from 'cdk8s';
import type { Construct, IConstruct } from 'constructs';
import { SecretRequest } from '../../constructs/contracts/index.ts';
import { customKind, definedKind, type Manifest, manifestOf } from './manifest.ts';

/** What is applied: an object, a Secret made from a request, or a point that orders two groups of them. */
export type Step = { readonly path: string; readonly needs: Set<Step> } & (
  | { readonly kind: 'object'; readonly chart: string; readonly manifest: Manifest }
  | { readonly kind: 'secret'; readonly chart: string; readonly secret: SecretRequest['request'] }
  | { readonly kind: 'barrier' }
);

/** Up to this many, edges are drawn one by one; more go through a barrier, so that cost stays linear. */
const drawnOneByOne = 4;

type ManifestOf = (object: ApiObject) => Manifest;

const chartPath = (construct: Construct): string => Chart.of(construct).node.path;

const stepOf = (construct: IConstruct, manifest: ManifestOf): Step | undefined => {
  const { path } = construct.node;
  if (ApiObject.isApiObject(construct))
    return {
      kind: 'object',
      path,
      chart: chartPath(construct),
      manifest: manifest(construct),
      needs: new Set(),
    };
  if (SecretRequest.isSecretRequest(construct) && construct.request.source === 'plinth')
    return { kind: 'secret', path, chart: chartPath(construct), secret: construct.request, needs: new Set() };
  return undefined;
};

/** Draws the edges of one tree. Every construct is looked at once, every declared dependency once. */
class Graph {
  readonly steps: Step[] = [];
  /** Steps at or beneath a construct are a slice of `steps`, because the walk is depth first. */
  readonly #slices = new Map<IConstruct, readonly [number, number]>();
  readonly #after = new Map<IConstruct, Step>();
  readonly #barriers: Step[] = [];

  constructor(root: IConstruct, manifest: ManifestOf) {
    this.#walk(root, manifest);
    for (const construct of this.#slices.keys()) this.#draw(construct);
    this.#drawKnownOrder();
  }

  get all(): readonly Step[] {
    return [...this.steps, ...this.#barriers];
  }

  #walk(construct: IConstruct, manifest: ManifestOf): void {
    const begin = this.steps.length;
    this.#slices.set(construct, [begin, begin]);
    const step = stepOf(construct, manifest);
    if (step !== undefined) this.steps.push(step);
    for (const child of construct.node.children) this.#walk(child, manifest);
    this.#slices.set(construct, [begin, this.steps.length]);
  }

  #slice(construct: IConstruct): readonly [number, number] {
    const found = this.#slices.get(construct);
    if (found === undefined)
      throw new Error(`something depends on ${construct.node.path}, which is in no chart of this tree`);
    return found;
  }

  /** A step that comes after everything of a construct. */
  #afterAll(construct: IConstruct): Step {
    const known = this.#after.get(construct);
    if (known !== undefined) return known;
    const [begin, end] = this.#slice(construct);
    const needs = new Set(this.steps.slice(begin, end));
    const barrier: Step = { kind: 'barrier', path: `after ${construct.node.path}`, needs };
    this.#barriers.push(barrier);
    this.#after.set(construct, barrier);
    return barrier;
  }

  #draw(source: IConstruct): void {
    const targets = new Set(source.node.dependencies);
    if (targets.size === 0) return;
    const [begin, end] = this.#slice(source);
    const needed = new Set<Step>();
    for (const target of targets) {
      const [from, to] = this.#slice(target);
      // A construct may depend on something inside it, or be inside what it depends on: never on itself.
      const nested = (from <= begin && end <= to) || (begin <= from && to <= end);
      if (nested) this.#drawNested([begin, end], [from, to], source === target);
      else if (to - from <= drawnOneByOne) for (const step of this.steps.slice(from, to)) needed.add(step);
      else needed.add(this.#afterAll(target));
    }
    let before = needed;
    if (end - begin > drawnOneByOne && needed.size > drawnOneByOne) {
      const barrier: Step = { kind: 'barrier', path: `before ${source.node.path}`, needs: needed };
      this.#barriers.push(barrier);
      before = new Set([barrier]);
    }
    for (const step of this.steps.slice(begin, end)) for (const need of before) step.needs.add(need);
  }

  #drawNested(source: readonly [number, number], target: readonly [number, number], same: boolean): void {
    if (same) return;
    const inside = ([begin, end]: readonly [number, number], at: number) => begin <= at && at < end;
    const [outer, inner] =
      source[1] - source[0] >= target[1] - target[0] ? [source, target] : [target, source];
    for (let at = outer[0]; at < outer[1]; at++) {
      if (inside(inner, at)) continue;
      for (let other = inner[0]; other < inner[1]; other++) {
        const [dependent, needed] = outer === source ? [at, other] : [other, at];
        const step = this.steps[needed];
        if (step !== undefined) this.steps[dependent]?.needs.add(step);
      }
    }
  }

  /** What Kubernetes itself asks for: the namespace before what is in it, a definition before its objects. */
  #drawKnownOrder(): void {
    const namespaces = new Map<string, Step>();
    const definitions = new Map<string, Step>();
    for (const step of this.steps) {
      if (step.kind !== 'object') continue;
      if (step.manifest.kind === 'Namespace') namespaces.set(step.manifest.metadata.name, step);
      const defined = definedKind(step.manifest);
      if (defined !== undefined) definitions.set(defined, step);
    }
    for (const step of this.steps) {
      if (step.kind === 'barrier') continue;
      const namespace = step.kind === 'secret' ? step.secret.namespace : step.manifest.metadata.namespace;
      const needed = [
        namespaces.get(namespace ?? ''),
        step.kind === 'object' ? definitions.get(customKind(step.manifest)) : undefined,
      ];
      for (const need of needed) if (need !== undefined && need !== step) step.needs.add(need);
    }
  }
}

/** Orders steps so that each comes after what it needs, else as in the tree. Throws on a cycle, with its path. */
const ordered = (steps: readonly Step[]): readonly Step[] => {
  const done = new Set<Step>();
  const result: Step[] = [];
  for (const start of steps) {
    if (done.has(start)) continue;
    const trail = new Map<Step, Iterator<Step>>([[start, start.needs.values()]]);
    const stack = [start];
    for (let step = stack.at(-1); step !== undefined; step = stack.at(-1)) {
      const next = trail.get(step)?.next();
      if (next === undefined || next.done) {
        stack.pop();
        trail.delete(step);
        done.add(step);
        result.push(step);
      } else if (trail.has(next.value)) {
        const cycle = [...stack.slice(stack.indexOf(next.value)), next.value];
        const paths = cycle.map(({ path }) => path).join(' -> ');
        throw new Error(`the order of these objects is a cycle, each needs the next: ${paths}`);
      } else if (!done.has(next.value)) {
        stack.push(next.value);
        trail.set(next.value, next.value.needs.values());
      }
    }
  }
  return result;
};

/** Everything to apply from a finished tree, each after what it needs. Linear in objects and dependencies. */
export const applyOrder = (root: IConstruct, manifest: ManifestOf = manifestOf): readonly Step[] =>
  ordered(new Graph(root, manifest).all);
