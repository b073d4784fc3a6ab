/** An object that an interrupted update was making. */
export interface AbandonedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** A resource in Pulumi's state, as far as anybody here looks. */
export interface StackResource {
  readonly urn: string;
  readonly type: string;
  readonly protect?: boolean;
}

/** The parts of `pulumi stack export` that are looked at. */
export interface ExportedState {
  readonly deployment?: {
    readonly pending_operations?:
      | readonly { readonly type: string; readonly resource: { readonly urn: string } }[]
      | null;
    readonly resources?: readonly StackResource[] | null;
  };
}

/** What holds data or other objects is never removed for being unknown. */
const kept = ['Namespace', 'PersistentVolumeClaim', 'PersistentVolume', 'CustomResourceDefinition'];

/** The object behind a resource of Pulumi's state; undefined where it is none, such as a stash or the stack itself. */
const objectOf = (urn: string): AbandonedObject | undefined => {
  const [, , types = '', path = ''] = urn.split('::');
  const found = /^kubernetes:([^/]+)\/([^:]+):(\w+)$/.exec(types.split('$').at(-1) ?? '');
  const [, group = '', version = '', kind = ''] = found ?? [];
  const [namespace, name] = path.includes('/') ? path.split('/') : [undefined, path];
  if (found === null || name === undefined) return undefined;
  const apiVersion = group === 'core' ? version : `${group}/${version}`;
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
};

/**
 * Objects whose creation was under way when an update was killed and that no later update took over, because the
 * program no longer has them (a Job under a name of its content, say). Pulumi forgets them; the cluster doesn't.
 */
export const abandonedObjects = (before: ExportedState, after: ExportedState): readonly AbandonedObject[] => {
  const recorded = new Set((after.deployment?.resources ?? []).map(({ urn }) => urn));
  return (before.deployment?.pending_operations ?? [])
    .filter(({ type, resource }) => type === 'creating' && !recorded.has(resource.urn))
    .flatMap(({ resource }) => {
      const object = objectOf(resource.urn);
      return object === undefined || kept.includes(object.kind) ? [] : [object];
    });
};

/** Whichever version of its API an object is spoken of in. */
const identity = ({ apiVersion, kind, namespace = '', name }: AbandonedObject): string =>
  [apiVersion.includes('/') ? apiVersion.split('/')[0] : '', kind, namespace, name].join(' ');

/** Those of these objects that the state doesn't know, but for what holds data or other objects. */
export const unknownObjects = (
  objects: readonly AbandonedObject[],
  state: ExportedState,
): readonly AbandonedObject[] => {
  const known = new Set(
    (state.deployment?.resources ?? []).flatMap(({ urn }) => {
      const object = objectOf(urn);
      return object === undefined ? [] : [identity(object)];
    }),
  );
  return objects.filter((each) => !kept.includes(each.kind) && !known.has(identity(each)));
};

type Kubectl = (args: readonly string[]) => Promise<string>;

/** Every object in the cluster that carries Plinth's label and that no other one made. */
export const ownObjects = async (kubectl: Kubectl): Promise<readonly AbandonedObject[]> => {
  const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim() !== '');
  const kinds = lines(await kubectl(['api-resources', '--verbs=list,delete', '--output=name']));
  const columns = [
    ...['A:.apiVersion', 'K:.kind', 'S:.metadata.namespace', 'N:.metadata.name'],
    'O:.metadata.ownerReferences[0].kind',
  ];
  const none = '<none>';
  // A Service's labels are those of its Endpoints, which name no owner.
  const asked = kinds.filter((kind) => kind !== 'endpoints').join(',');
  const found = await kubectl([
    ...['get', asked, '--all-namespaces', '--selector=app.kubernetes.io/managed-by=plinth'],
    ...['--no-headers', `--output=custom-columns=${columns.join(',')}`],
  ]);
  return lines(found).flatMap((line) => {
    const [apiVersion = '', kind = '', namespace = none, name = '', owner] = line.trim().split(/\s+/);
    if (owner !== none) return [];
    return [{ apiVersion, kind, name, ...(namespace === none ? {} : { namespace }) }];
  });
};

/** What kubectl is told, to remove such an object. */
export const kubectlDelete = ({ apiVersion, kind, namespace, name }: AbandonedObject): readonly string[] => {
  const [version, group] = apiVersion.split('/').toReversed();
  return [
    ...['delete', `${kind}.${version}.${group ?? ''}`, name, '--ignore-not-found'],
    ...(namespace === undefined ? [] : ['--namespace', namespace]),
  ];
};
