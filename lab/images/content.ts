import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageName } from '../../constructs/catalogue/index.ts';

const root = join(import.meta.dirname, '..', '..');

/** What Plinth builds each image on; `base` itself stands for a public image and is built on nothing. */
export const baseOf: Readonly<Record<ImageName, ImageName | null>> = {
  airflow: 'base',
  alertmanager: 'base',
  base: null,
  'configurable-http-proxy': 'node',
  'identity-sync': 'node',
  'inference-gateway': 'node',
  jupyterhub: 'base',
  keycloak: 'base',
  mlflow: 'base',
  'model-server': 'base',
  node: 'base',
  notebook: 'base',
  'oauth2-proxy': 'base',
  portal: 'node',
  postgres: 'base',
  'postgres-exporter': 'base',
  'prediction-log': 'node',
  'prom-label-proxy': 'base',
  prometheus: 'base',
  promoter: 'node',
  registry: 'base',
  seaweedfs: 'base',
  spark: 'base',
  'spark-operator': 'spark',
  'statsd-exporter': 'base',
  traefik: 'base',
};

/** Whether an image only stands for a public one that others are built on: no pod runs it as it is. */
export const isBase = (name: ImageName): boolean => name === 'base' || name === 'node';

/** The `plinth` package for notebooks, DAGs and jobs. */
export const sdkFolder = join(root, 'sdk', 'python');

/** Whether an image takes the `plinth` package: its Containerfile copies it from the build context `sdk`. */
export const hasSdk = (name: ImageName): boolean =>
  readFileSync(join(contextOf(name), 'Containerfile'), 'utf8').includes('COPY --from=sdk ');

/** Where the Containerfile of an image and everything it copies are: a service's is with its code. */
export const contextOf = (name: string): string => {
  const service = join(root, 'services', name);
  return existsSync(join(service, 'Containerfile')) ? service : join(root, 'images', name);
};

/**
 * What git ignores, editors leave behind, and a service has beside its code. Only the first stage of
 * a Containerfile copies a whole folder, so none of it reaches an image.
 */
const ignored =
  /^(__pycache__|\.(pytest|ruff|mypy)_cache|\.DS_Store|node_modules|tests?|bench|README\.md|tsconfig\.json)$|\.(pyc|log|swp|orig)$|~$/;

/** Paths below a folder, relative, with `/` between, sorted by code unit so that no locale matters. */
const filesBelow = (folder: string, prefix = ''): readonly string[] =>
  readdirSync(join(folder, prefix), { withFileTypes: true })
    .filter((entry) => !ignored.test(entry.name))
    .flatMap((entry) => {
      const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(folder, path) : [path];
    })
    .sort();

/** Hashes names and bytes of a folder's files. Line endings don't count: a checkout may have changed them. */
export const hashOf = (folder: string, base = ''): string => {
  const hash = createHash('sha256').update(`${base}\n`);
  for (const path of filesBelow(folder)) {
    const text = readFileSync(join(folder, path)).toString('latin1').replaceAll('\r\n', '\n');
    hash.update(`${path}\n${text.length}\n`).update(text, 'latin1');
  }
  return hash.digest('hex').slice(0, 8);
};

/**
 * The eight hex digits that the catalogue records as `content`: the image's own files, those of what it's built on,
 * and those of the `plinth` package where it takes it.
 */
export const contentOf = (name: ImageName): string => {
  const base = baseOf[name];
  if (base === undefined)
    throw new Error(`lab/images/content.ts: baseOf doesn't say what the image ${name} is built on`);
  const sdk = hasSdk(name) ? ` ${hashOf(sdkFolder)}` : '';
  return hashOf(contextOf(name), `${base === null ? '' : contentOf(base)}${sdk}`);
};
