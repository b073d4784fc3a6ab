import { ApiObject, type App, JsonPatch, Lazy } from 'cdk8s';

/** Thrown inside, never out of here: this object has something that only cdk8s knows how to render. */
const rare = Symbol('rare');

type Fields = { readonly [field: string]: unknown };

/** What cdk8s keeps to itself of an object; its version is pinned, and tests compare with what it renders itself. */
interface Inside {
  readonly props?: Fields;
  readonly patches?: readonly JsonPatch[];
  readonly metadata: {
    readonly _additionalAttributes?: Fields;
    readonly name?: string;
    readonly namespace?: string;
    readonly annotations: Fields;
    readonly finalizers: readonly string[];
    readonly ownerReferences: readonly unknown[];
    readonly labels: Fields;
  };
}

/**
 * Resolves and cleans in one pass what cdk8s does in two, asking at each value for the app's resolvers: deferred values
 * are produced, numbers or strings unwrapped, empty fields dropped, the rest sorted by name.
 */
const plain = (value: unknown, dropEmpty: boolean): unknown => {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'object') return value;
  if (typeof (value as Fields)['resolve'] === 'function') throw rare;
  if (Array.isArray(value)) {
    if (dropEmpty && value.length === 0) return undefined;
    return value.map((each) => plain(each, dropEmpty));
  }
  if (value.constructor !== Object) {
    if (value instanceof Lazy) return plain(value.produce(), dropEmpty);
    const inner = (value as Fields)['value'];
    if (typeof inner === 'number' || typeof inner === 'string') return { value: inner };
    throw rare;
  }
  const result: Record<string, unknown> = {};
  let empty = true;
  for (const key of Object.keys(value).sort()) {
    const field = plain((value as Fields)[key], dropEmpty);
    if (field === undefined) continue;
    result[key] = field;
    empty = false;
  }
  return dropEmpty && empty ? undefined : result;
};

/** The first fields of every manifest; the others follow sorted by name. */
const leading = ['apiVersion', 'kind', 'metadata'];

const render = (object: ApiObject): unknown => {
  const { props, patches, metadata } = object as unknown as Inside;
  if (props === undefined || patches === undefined || metadata._additionalAttributes === undefined)
    throw rare;
  const { name, namespace, annotations, finalizers, ownerReferences, labels } = metadata;
  const own = { name, namespace, annotations, finalizers, ownerReferences, labels };
  const rest = Object.keys(props).filter((key) => !leading.includes(key));
  const manifest: Record<string, unknown> = {
    apiVersion: props['apiVersion'],
    kind: props['kind'],
    metadata: plain({ ...metadata._additionalAttributes, ...own }, true),
  };
  for (const key of rest.sort()) {
    const field = plain(props[key], false);
    if (field !== undefined) manifest[key] = field;
  }
  return patches.length === 0 ? manifest : JsonPatch.apply(manifest, ...patches);
};

/** The resolvers that every app of cdk8s has; others do what they want. */
const usual = new Set(['LazyResolver', 'ImplicitTokenResolver', 'NumberStringUnionResolver']);

/**
 * `toJson` of every object, at a third of its cost or less. The generated classes of Kubernetes' own kinds call the
 * base's `toJson` as super, so that one is exchanged while this runs.
 */
export const toJson = (app: App, objects: readonly ApiObject[]): readonly unknown[] => {
  const stock = ApiObject.prototype.toJson;
  if (!app.resolvers.every((resolver) => usual.has(resolver.constructor.name)))
    return objects.map((object) => object.toJson());
  ApiObject.prototype.toJson = function (this: ApiObject): unknown {
    try {
      return render(this);
    } catch {
      // Also whatever an object throws: cdk8s says where.
      return stock.call(this);
    }
  };
  try {
    return objects.map((object) => object.toJson());
  } finally {
    ApiObject.prototype.toJson = stock;
  }
};
