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

/**
 * Objects whose creation was under way when an update was killed and that no later update took over, because the
 * program no longer has them (a Job under a name of its content, say). Pulumi forgets them; the cluster doesn't.
 */
export const abandonedObjects = (before: ExportedState, after: ExportedState): readonly AbandonedObject[] => {
  const recorded = new Set((after.deployment?.resources ?? []).map(({ urn }) => urn));
  return (before.deployment?.pending_operations ?? [])
    .filter(({ type, resource }) => type === 'creating' && !recorded.has(resource.urn))
    .flatMap(({ resource }) => {
      const [, , types = '', path = ''] = resource.urn.split('::');
      const found = /^kubernetes:([^/]+)\/([^:]+):(\w+)$/.exec(types.split('$').at(-1) ?? '');
      const [, group = '', version = '', kind = ''] = found ?? [];
      const [namespace, name] = path.includes('/') ? path.split('/') : [undefined, path];
      if (found === null || kept.includes(kind) || name === undefined) return [];
      const apiVersion = group === 'core' ? version : `${group}/${version}`;
      return [{ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) }];
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
