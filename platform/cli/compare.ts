/** A Kubernetes object as rendered; nothing but its identity is assumed. */
export interface RenderedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

export interface FieldChange {
  /** Where it is, e.g. `spec.template.spec.containers[server].image`. */
  readonly path: string;
  /** Absent: the field is new. */
  readonly before?: unknown;
  /** Absent: the field is gone. */
  readonly after?: unknown;
}

/** What applying a change does beyond the change itself. */
export type Effect =
  /** Pods are replaced, one after the other where the workload allows it. */
  | 'restarts'
  /** The object is deleted and made again, because a field of it can't change. */
  | 'replaces'
  /** A Job runs again. */
  | 'runs again'
  /** A volume: Pulumi refuses unless the environment confirms the loss. */
  | 'loses data unless kept';

export interface ObjectChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** `Kind namespace/name`. */
  readonly object: string;
  readonly fields: readonly FieldChange[];
  readonly effects: readonly Effect[];
}

type Json = Readonly<Record<string, unknown>>;
const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const nameIn = (item: unknown): string | undefined =>
  isRecord(item) && typeof item['name'] === 'string' ? item['name'] : undefined;

/** Items by their name, where every item has one of its own: then order doesn't matter to a reader. */
const byName = (list: readonly unknown[]): ReadonlyMap<string, unknown> | undefined => {
  const names = list.map(nameIn);
  if (list.length === 0 || names.includes(undefined) || new Set(names).size !== names.length)
    return undefined;
  return new Map(list.map((item, index) => [names[index] ?? '', item]));
};

const plain = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const child = (path: string, key: string): string => {
  if (!plain.test(key)) return `${path}["${key}"]`;
  return path === '' ? key : `${path}.${key}`;
};

const same = (before: unknown, after: unknown): boolean => JSON.stringify(before) === JSON.stringify(after);

const change = (path: string, before: unknown, after: unknown): FieldChange => ({
  path,
  ...(before === undefined ? {} : { before }),
  ...(after === undefined ? {} : { after }),
});

/** The fields that differ, as deep as possible. */
const fieldChanges = (path: string, before: unknown, after: unknown): readonly FieldChange[] => {
  if (same(before, after)) return [];
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => fieldChanges(child(path, key), before[key], after[key]));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const [old, now] = [byName(before), byName(after)];
    if (old !== undefined && now !== undefined) {
      const names = [...new Set([...old.keys(), ...now.keys()])];
      const inside = names.flatMap((name) => fieldChanges(`${path}[${name}]`, old.get(name), now.get(name)));
      return inside.length > 0 ? inside : [change(path, [...old.keys()], [...now.keys()])];
    }
    if (before.length === after.length)
      return before.flatMap((item, index) => fieldChanges(`${path}[${index}]`, item, after[index]));
  }
  return [change(path, before, after)];
};

const templated = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

/** Fields that Kubernetes doesn't let change, by kind; a listed field may change where `except` matches. */
const fixed: Readonly<Record<string, { readonly fields: RegExp; readonly except?: RegExp }>> = {
  Deployment: { fields: /^spec\.selector/ },
  DaemonSet: { fields: /^spec\.selector/ },
  StatefulSet: {
    fields: /^spec\./,
    except:
      /^spec\.(replicas|template|updateStrategy|minReadySeconds|ordinals|revisionHistoryLimit|persistentVolumeClaimRetentionPolicy)/,
  },
  Job: {
    fields: /^spec\.(template|selector|completionMode|completions|podFailurePolicy|backoffLimitPerIndex)/,
  },
  PersistentVolumeClaim: { fields: /^spec\./, except: /^spec\.(resources|volumeAttributesClassName)/ },
  StorageClass: { fields: /^(provisioner|parameters|reclaimPolicy|volumeBindingMode)/ },
  RoleBinding: { fields: /^roleRef/ },
  ClusterRoleBinding: { fields: /^roleRef/ },
  Service: { fields: /^spec\.clusterIP/ },
  Secret: { fields: /^type/ },
};

const effectsOf = ({ kind }: RenderedObject, fields: readonly FieldChange[]): readonly Effect[] => {
  const rule = fixed[kind];
  const replaced = fields.some(
    ({ path }) => rule?.fields.test(path) === true && rule.except?.test(path) !== true,
  );
  const effects: Effect[] = [];
  if (replaced) effects.push(kind === 'Job' ? 'runs again' : 'replaces');
  if (replaced && kind === 'PersistentVolumeClaim') effects.push('loses data unless kept');
  if (templated.has(kind) && fields.some(({ path }) => path.startsWith('spec.template')))
    effects.push('restarts');
  return effects;
};

const group = ({ apiVersion }: RenderedObject): string =>
  apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
const title = ({ kind, metadata }: RenderedObject): string =>
  `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
const keyOf = (object: RenderedObject): string => `${group(object)} ${title(object)}`;

/** A Job's name ends with a hash of its work: other work is another Job in its place. */
const jobTitle = (object: RenderedObject): string | undefined =>
  object.kind === 'Job' ? title(object).replace(/-[0-9a-f]{8}$/, '') : undefined;

/** Everything that differs between two renderings of an environment, in the order of the objects' names. */
export const compare = (
  before: readonly RenderedObject[],
  after: readonly RenderedObject[],
): readonly ObjectChange[] => {
  const old = new Map(before.map((object) => [keyOf(object), object]));
  const now = new Map(after.map((object) => [keyOf(object), object]));
  const removed = [...old].filter(([key]) => !now.has(key)).map(([, object]) => object);
  const added = [...now].filter(([key]) => !old.has(key)).map(([, object]) => object);
  const changes: ObjectChange[] = [];
  for (const [key, object] of now) {
    const earlier = old.get(key);
    if (earlier === undefined) continue;
    const fields = fieldChanges('', earlier, object);
    if (fields.length > 0)
      changes.push({ kind: 'changed', object: title(object), fields, effects: effectsOf(object, fields) });
  }
  const successors = new Set<RenderedObject>();
  for (const object of added) {
    const job = jobTitle(object);
    const earlier = job === undefined ? undefined : removed.find((each) => jobTitle(each) === job);
    if (earlier === undefined) {
      changes.push({ kind: 'added', object: title(object), fields: [], effects: [] });
      continue;
    }
    successors.add(earlier);
    const fields = fieldChanges('', earlier, object);
    changes.push({ kind: 'changed', object: title(object), fields, effects: ['runs again'] });
  }
  for (const object of removed) {
    if (successors.has(object)) continue;
    const effects: readonly Effect[] =
      object.kind === 'PersistentVolumeClaim' ? ['loses data unless kept'] : [];
    changes.push({ kind: 'removed', object: title(object), fields: [], effects });
  }
  return changes.sort((a, b) => (a.object < b.object ? -1 : 1));
};
