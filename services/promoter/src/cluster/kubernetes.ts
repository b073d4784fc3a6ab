import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  type KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  type V1ConfigMap,
} from '@kubernetes/client-node';
import type { Cluster, Place } from '../control/ports.ts';
import { type DesiredRoute, objectName, routeDocument } from '../domain/desired.ts';
import { type PolicyFile, policyOf } from '../domain/policy.ts';
import type { PodsState } from '../domain/rollout.ts';
import { podsState } from './pods.ts';
import { fill, type Manifest, managed, modelLabel, parseTemplates, versionLabel } from './template.ts';

export interface KubernetesOptions {
  readonly config: KubeConfig;
  readonly policies: PolicyFile;
  /** ConfigMap of each team's namespace, and its key, with the templates. */
  readonly templates: { readonly name: string; readonly key: string };
  /** The gateway's ConfigMap of routes. */
  readonly routes: { readonly namespace: string; readonly name: string };
  /** Where predictors take requests. */
  readonly port: number;
  /** How long something that was applied isn't applied again, in milliseconds. */
  readonly freshMs: number;
}

const fieldManager = 'plinth-promoter';
const selectorOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');

const isGone = (error: unknown): boolean => error instanceof ApiException && error.code === 404;

/** The Kubernetes API, asked for as little as is needed; what it refuses is thrown as it says it. */
export class KubernetesCluster implements Cluster {
  readonly #options: KubernetesOptions;
  readonly #objects: KubernetesObjectApi;
  readonly #apps: AppsV1Api;
  readonly #core: CoreV1Api;
  /** When what was last applied, by what it is about. */
  readonly #fresh = new Map<string, { readonly content: string; readonly until: number }>();

  constructor(options: KubernetesOptions) {
    this.#options = options;
    this.#objects = KubernetesObjectApi.makeApiClient(options.config);
    this.#apps = options.config.makeApiClient(AppsV1Api);
    this.#core = options.config.makeApiClient(CoreV1Api);
  }

  async apply(place: Place, versions: readonly string[]): Promise<void> {
    if (versions.length === 0) return;
    const templates = await this.#templates(place.namespace);
    for (const version of versions) {
      const manifests = fill(templates, place, version);
      await this.#once(`${place.namespace}/${objectName(place.model, version)}`, manifests, async () => {
        for (const manifest of manifests) await this.#apply(manifest);
      });
    }
  }

  async route(place: Place, route: DesiredRoute | null): Promise<void> {
    const { policies, port, routes } = this.#options;
    const { model } = place;
    const text =
      route === null
        ? null
        : JSON.stringify(routeDocument(route, { ...place, port }, policyOf(policies, model)));
    await this.#once(`route/${model}`, text, async () => {
      const body = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: routes.name, namespace: routes.namespace },
        // Null takes a key away.
        data: { [`${model}.json`]: text },
      };
      await this.#objects.patch(
        body as unknown as V1ConfigMap,
        ...[undefined, undefined, fieldManager, undefined],
        PatchStrategy.MergePatch,
      );
    });
  }

  async pods({ namespace, model }: Place, version: string): Promise<PodsState> {
    const name = objectName(model, version);
    const labelSelector = selectorOf({ [modelLabel]: model, 'plinth.dev/predictor': `v${version}` });
    try {
      const deployment = await this.#apps.readNamespacedDeployment({ name, namespace });
      const { items } = await this.#core.listNamespacedPod({ namespace, labelSelector });
      return podsState(deployment, items);
    } catch (error) {
      if (isGone(error)) return podsState(undefined, []);
      throw error;
    }
  }

  async prune(place: Place, kept: readonly string[]): Promise<void> {
    const { namespace, model } = place;
    const labelSelector = selectorOf({ [modelLabel]: model, ...managed });
    const { items } = await this.#apps.listNamespacedDeployment({ namespace, labelSelector });
    const there = items.map(({ metadata }) => metadata?.labels?.[versionLabel]);
    for (const version of there)
      if (version !== undefined && !kept.includes(version)) await this.#remove(place, version);
  }

  async #remove(place: Place, version: string): Promise<void> {
    const { namespace, model } = place;
    const templates = await this.#templates(namespace);
    // The Deployment goes last: as long as it is there, the others are found again.
    const manifests = [...fill(templates, place, version)].sort(
      (a, b) => Number(a.kind === 'Deployment') - Number(b.kind === 'Deployment'),
    );
    for (const manifest of manifests)
      try {
        await this.#objects.delete(manifest, ...[undefined, undefined, undefined, undefined], 'Background');
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    this.#fresh.delete(`${namespace}/${objectName(model, version)}`);
  }

  async #apply(manifest: Manifest): Promise<void> {
    await this.#objects.patch(
      manifest,
      ...[undefined, undefined, fieldManager, true],
      PatchStrategy.ServerSideApply,
    );
  }

  async #templates(namespace: string) {
    const { name, key } = this.#options.templates;
    const { data } = await this.#core.readNamespacedConfigMap({ name, namespace });
    const text = data?.[key];
    if (text === undefined) throw new Error(`ConfigMap ${namespace}/${name} has no ${key}`);
    return parseTemplates(text);
  }

  async #once(what: string, content: unknown, work: () => Promise<void>): Promise<void> {
    const text = JSON.stringify(content);
    const known = this.#fresh.get(what);
    if (known?.content === text && performance.now() < known.until) return;
    this.#fresh.delete(what);
    await work();
    this.#fresh.set(what, { content: text, until: performance.now() + this.#options.freshMs });
  }
}
