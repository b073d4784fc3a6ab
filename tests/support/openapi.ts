import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, contentKey } from '../../lab/support/cache.ts';
import { goModuleFolder } from '../../scripts/crds/go-module.ts';
import releases from './kubernetes-releases.json' with { type: 'json' };

export type Schema = { readonly [keyword: string]: unknown };

/** A release's API, with schemas that refuse unknown fields. */
export interface OpenApi {
  readonly definitions: Readonly<Record<string, Schema>>;
  /** Name of the definition of each `apiVersion kind`. */
  readonly kinds: Readonly<Record<string, string>>;
  /** `group/Kind` of what is made outside, and inside, of namespaces. */
  readonly clusterScoped: readonly string[];
  readonly namespaced: readonly string[];
}

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

interface Swagger {
  readonly definitions: Readonly<Record<string, Schema>>;
  readonly paths: Readonly<
    Record<
      string,
      {
        readonly post?: {
          readonly 'x-kubernetes-action'?: string;
          readonly 'x-kubernetes-group-version-kind'?: GroupVersionKind;
        };
      }
    >
  >;
}

/** The API server takes numbers for quantities, and either for ports; an OpenAPI 2 document can't say so. */
const looser: Readonly<Record<string, Schema>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { type: ['string', 'number'] },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { type: ['string', 'integer'] },
};

/** With `additionalProperties: false` wherever fields are listed. */
const closed = (schema: Schema): Schema => {
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'description') continue;
    if (keyword === 'properties') {
      const fields = Object.entries(value as Readonly<Record<string, Schema>>);
      result[keyword] = Object.fromEntries(fields.map(([name, field]) => [name, closed(field)]));
    } else if (keyword === 'items' || (keyword === 'additionalProperties' && typeof value === 'object')) {
      result[keyword] = closed(value as Schema);
    } else result[keyword] = value;
  }
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || 'additionalProperties' in schema;
  if ('properties' in schema && !open) result['additionalProperties'] = false;
  if (schema['x-kubernetes-int-or-string'] === true) result['type'] = ['string', 'integer'];
  else if (schema['nullable'] === true && typeof schema['type'] === 'string')
    result['type'] = [schema['type'], 'null'];
  delete result['nullable'];
  return result;
};

const read = (file: string): OpenApi => {
  const { definitions, paths } = JSON.parse(readFileSync(file, 'utf8')) as Swagger;
  const kinds: Record<string, string> = {};
  for (const [name, schema] of Object.entries(definitions)) {
    const served = (schema['x-kubernetes-group-version-kind'] ?? []) as readonly GroupVersionKind[];
    for (const { group, version, kind } of served)
      kinds[`${group === '' ? version : `${group}/${version}`} ${kind}`] = name;
  }
  const made = (inNamespace: boolean): readonly string[] => {
    const found = Object.entries(paths)
      .filter(([path]) => path.includes('{namespace}') === inNamespace)
      .filter(([, { post }]) => post?.['x-kubernetes-action'] === 'post')
      .map(([, { post }]) => post?.['x-kubernetes-group-version-kind'])
      .filter((kind) => kind !== undefined)
      .map(({ group, kind }) => `${group}/${kind}`);
    return [...new Set(found)].toSorted();
  };
  const strict = Object.entries(definitions).map(([name, schema]) => [name, looser[name] ?? closed(schema)]);
  return {
    definitions: Object.fromEntries(strict),
    kinds,
    clusterScoped: made(false),
    namespaced: made(true),
  };
};

/** What is kept depends on the code above. */
const reader = contentKey([join(import.meta.dirname, 'openapi.ts')]);

export const minorVersions = Object.keys(releases);

/** Kubernetes' own description of a minor version, from its Go module; kept for every checkout once read. */
export const openApi = async (minor: string): Promise<OpenApi> => {
  const release = Object.entries(releases).find(([known]) => known === minor)?.[1];
  if (release === undefined)
    throw new Error(
      `no release of Kubernetes ${minor} is pinned; add one to tests/support/kubernetes-releases.json`,
    );
  const folder = await cached('openapi', `${release.version}-${reader}`, async (fresh) => {
    const file = join(await goModuleFolder(release), 'api/openapi-spec/swagger.json');
    writeFileSync(join(fresh, 'api.json'), JSON.stringify(read(file)));
  });
  return JSON.parse(readFileSync(join(folder, 'api.json'), 'utf8')) as OpenApi;
};

/** A custom kind's schema, by `apiVersion kind`, as its definition has it. */
export const customSchemas = (definitions: readonly Schema[]): ReadonlyMap<string, Schema> => {
  const schemas = new Map<string, Schema>();
  for (const definition of definitions) {
    const { group, names, versions } = definition['spec'] as {
      group: string;
      names: { kind: string };
      versions: readonly { name: string; schema: { openAPIV3Schema: Schema } }[];
    };
    for (const { name, schema } of versions)
      schemas.set(`${group}/${name} ${names.kind}`, closed(schema.openAPIV3Schema));
  }
  return schemas;
};
