import type { Cluster, Current, Place } from '../control/ports.ts';
import { type DesiredRoute, objectName, routeDocument } from '../domain/desired.ts';
import { type PolicyFile, policyOf } from '../domain/policy.ts';
import type { PodsState } from '../domain/rollout.ts';
import { ApiError, type KubernetesApi } from './api.ts';
import { type DeploymentState, type PodState, podsState } from './pods.ts';
import { fill, managed, modelLabel, parseTemplates, versionLabel } from './template.ts';

export interface KubernetesOptions {
  readonly api: KubernetesApi;
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

interface ConfigMap {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** Others change their own keys of the same object, each in a moment. */
const mostConflicts = 10;

const isRefusal = (error: unknown, status: number): boolean =>
  error instanceof ApiError && error.status === status;

/** The Kubernetes API, asked for as little as is needed; what it refuses is thrown as it says it. */
export class KubernetesCluster implements Cluster {
  readonly #options: KubernetesOptions;
  /** When what was last applied, by what it is about. */
  readonly #fresh = new Map<string, { readonly content: string; readonly until: number }>();

  constructor(options: KubernetesOptions) {
    this.#options = options;
  }

  async apply(place: Place, versions: readonly string[]): Promise<void> {
    if (versions.length === 0) return;
    const templates = await this.#templates(place.namespace);
    for (const version of versions) {
      const manifests = fill(templates, place, version);
      await this.#once(`${place.namespace}/${objectName(place.model, version)}`, manifests, async () => {
        for (const manifest of manifests) await this.#options.api.apply(manifest);
      });
    }
  }

  async route(place: Place, route: DesiredRoute | null, current: Current): Promise<void> {
    const { policies, port } = this.#options;
    const { model } = place;
    const text =
      route === null
        ? null
        : JSON.stringify(routeDocument(route, { ...place, port }, policyOf(policies, model)));
    await this.#once(`route/${model}`, text, () => this.#write(`${model}.json`, text, current));
  }

  async pods({ namespace, model }: Place, version: string): Promise<PodsState> {
    const { api } = this.#options;
    const name = objectName(model, version);
    const labels = { [modelLabel]: model, 'plinth.dev/predictor': `v${version}` };
    try {
      const deployment = await api.get<DeploymentState>('apps/v1', 'Deployment', namespace, name);
      return podsState(deployment, await api.list<PodState>('v1', 'Pod', namespace, labels));
    } catch (error) {
      if (isRefusal(error, 404)) return podsState(undefined, []);
      throw error;
    }
  }

  async prune(place: Place, kept: readonly string[]): Promise<void> {
    const { namespace, model } = place;
    const labels = { [modelLabel]: model, ...managed };
    const there = await this.#options.api.list<DeploymentState>('apps/v1', 'Deployment', namespace, labels);
    for (const { metadata } of there) {
      const version = metadata?.labels?.[versionLabel];
      if (version !== undefined && !kept.includes(version)) await this.#remove(place, version);
    }
  }

  /**
   * What is there is looked at first, then whether this is still what should be, then it is written, unless somebody
   * wrote in between. So whoever was held up for however long can't put back what others have changed since.
   */
  async #write(key: string, text: string | null, current: Current): Promise<void> {
    const { api, routes } = this.#options;
    for (let conflicts = 0; ; conflicts += 1) {
      const found = await api.get<ConfigMap>('v1', 'ConfigMap', routes.namespace, routes.name);
      await current();
      if ((found.data?.[key] ?? null) === text) return;
      const { resourceVersion } = found.metadata;
      const changed = {
        ...{ apiVersion: 'v1', kind: 'ConfigMap' as const, metadata: { ...routes, resourceVersion } },
        // Null takes a key away.
        data: { [key]: text },
      };
      try {
        return await api.merge(changed);
      } catch (error) {
        if (!isRefusal(error, 409) || conflicts >= mostConflicts) throw error;
      }
    }
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
        await this.#options.api.remove(manifest);
      } catch (error) {
        if (!isRefusal(error, 404)) throw error;
      }
    this.#fresh.delete(`${namespace}/${objectName(model, version)}`);
  }

  async #templates(namespace: string) {
    const { name, key } = this.#options.templates;
    const { data } = await this.#options.api.get<ConfigMap>('v1', 'ConfigMap', namespace, name);
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
