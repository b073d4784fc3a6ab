/** An object that an interrupted update was making, as kubectl names it. */
export interface AbandonedObject {
  /** `Job.v1.batch`, `Service.v1.` */
  readonly resource: string;
  readonly namespace?: string;
  readonly name: string;
}

/** The parts of `pulumi stack export` that are looked at. */
export interface ExportedState {
  readonly deployment?: {
    readonly pending_operations?:
      | readonly { readonly type: string; readonly resource: { readonly urn: string } }[]
      | null;
    readonly resources?: readonly { readonly urn: string }[] | null;
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
      const named = `${kind}.${version}.${group === 'core' ? '' : group}`;
      return [{ resource: named, name, ...(namespace === undefined ? {} : { namespace }) }];
    });
};
