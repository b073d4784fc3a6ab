import type { ApiObject } from 'cdk8s';

/** A Kubernetes object as it is applied. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export const manifestOf = (object: ApiObject): Manifest => object.toJson() as Manifest;

/** `namespace/name`, or the name alone where there is no namespace: how people and error messages call it. */
export const objectName = ({ metadata }: Manifest): string =>
  metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;

/** Pulumi's type of an object, e.g. `kubernetes:apps/v1:Deployment`. */
export const resourceType = ({ apiVersion, kind }: Manifest): string =>
  `kubernetes:${apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`}:${kind}`;

const group = (apiVersion: string): string =>
  apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';

/** The custom kind that a CustomResourceDefinition brings, as `group/Kind`. */
export const definedKind = (manifest: Manifest): string | undefined => {
  if (manifest.kind !== 'CustomResourceDefinition') return undefined;
  const spec = manifest['spec'] as { group: string; names: { kind: string } };
  return `${spec.group}/${spec.names.kind}`;
};

/** `group/Kind` of an object: what a CustomResourceDefinition would define it by. */
export const customKind = ({ apiVersion, kind }: Manifest): string => `${group(apiVersion)}/${kind}`;
