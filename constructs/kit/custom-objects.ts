import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiObject, type ApiObjectProps } from 'cdk8s';
import type { Construct } from 'constructs';
import type { CustomKinds } from '../imports/kinds.d.ts';

/**
 * An object of a kind that a CustomResourceDefinition adds, with the fields and field names of the API. The classes
 * that cdk8s generates for such kinds hold enums, which Node.js can't run; their types are all that is used of them.
 */
export const customObject = <
  Version extends keyof CustomKinds & string,
  Kind extends keyof CustomKinds[Version] & string,
>(
  scope: Construct,
  id: string,
  type: { readonly apiVersion: Version; readonly kind: Kind },
  props: CustomKinds[Version][Kind],
): ApiObject => new ApiObject(scope, id, { ...type, ...props });

/** Sets of definitions that `make imports` takes from the release of the project that owns them. */
export type DefinitionSet =
  | 'cert-manager'
  | 'gateway-api'
  | 'prometheus-operator'
  | 'spark-operator'
  | 'traefik';

/** The definitions of a set, one object each, named as the definition is. */
export const customResourceDefinitions = (scope: Construct, set: DefinitionSet): readonly ApiObject[] => {
  const file = join(import.meta.dirname, '../imports/crds', `${set}.json`);
  const definitions = JSON.parse(readFileSync(file, 'utf8')) as readonly (ApiObjectProps & {
    readonly metadata: { readonly name: string };
  })[];
  return definitions.map((definition) => new ApiObject(scope, definition.metadata.name, definition));
};
