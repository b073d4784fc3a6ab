import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { seldonDeploymentDefinition } from '../../constructs/serving/index.ts';
import type { Manifest } from '../../platform/synthesis/index.ts';
import { customSchemas, type OpenApi, openApi, type Schema } from './openapi.ts';

const imported = join(import.meta.dirname, '../../constructs/imports/crds');

const importedSchemas = (): ReadonlyMap<string, Schema> =>
  customSchemas([
    ...readdirSync(imported)
      .filter((file) => file.endsWith('.json'))
      .flatMap((file) => JSON.parse(readFileSync(join(imported, file), 'utf8')) as readonly Schema[]),
    seldonDeploymentDefinition,
  ]);

/** Two entries with the same key make a server-side apply fail: containers, ports, variables, mounts. */
const repeatedKeys = (
  keys: readonly string[],
  list: readonly Readonly<Record<string, unknown>>[],
): boolean => {
  // The one key with a default in Kubernetes' own lists is a port's protocol.
  const seen = list.map((item) =>
    JSON.stringify(keys.map((key) => item[key] ?? (key === 'protocol' ? 'TCP' : null))),
  );
  return new Set(seen).size < seen.length;
};

const told = ({ instancePath, message, params }: ErrorObject): string => {
  const field = (params as { additionalProperty?: string }).additionalProperty;
  return `${instancePath || '/'} ${field === undefined ? message : `has the unknown field ${field}`}`;
};

/** Strict validation of manifests against one minor version of Kubernetes and the custom kinds' definitions. */
export class ManifestValidator {
  readonly #api: OpenApi;
  readonly #custom = importedSchemas();
  readonly #ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
  readonly #compiled = new Map<string, ValidateFunction>();

  private constructor(api: OpenApi) {
    this.#api = api;
    this.#ajv.addKeyword({
      keyword: 'x-kubernetes-list-map-keys',
      validate: (keys: readonly string[], list: readonly Readonly<Record<string, unknown>>[]) =>
        !repeatedKeys(keys, list),
      error: { message: 'has two entries with the same key' },
    });
    this.#ajv.addSchema({ $id: 'kubernetes', definitions: api.definitions });
  }

  static async for(minor: string): Promise<ManifestValidator> {
    return new ManifestValidator(await openApi(minor));
  }

  /** What is wrong with a manifest; nothing if all is well. */
  mistakes(manifest: Manifest): readonly string[] {
    const key = `${manifest.apiVersion} ${manifest.kind}`;
    const validate = this.#validatorFor(key);
    if (validate === undefined) return [`no API and no definition has ${key}`];
    return validate(manifest) ? [] : (validate.errors ?? []).map(told);
  }

  #validatorFor(key: string): ValidateFunction | undefined {
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const schema = this.#schemaOf(key);
    if (schema === undefined) return undefined;
    const made = this.#ajv.compile(schema);
    this.#compiled.set(key, made);
    return made;
  }

  #schemaOf(key: string): Schema | undefined {
    const ref = (name: string): Schema => ({ $ref: `kubernetes#/definitions/${name}` });
    const own = this.#api.kinds[key];
    if (own !== undefined) return ref(own);
    const custom = this.#custom.get(key);
    if (custom === undefined) return undefined;
    const properties = custom['properties'] as Readonly<Record<string, Schema>>;
    const metadata = ref('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
    return { ...custom, properties: { ...properties, metadata } };
  }
}
