import { BlockList } from 'node:net';
import {
  ApiException,
  DiscoveryV1Api,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
  type V1Secret,
  VersionApi,
} from '@kubernetes/client-node';
import type { PreCreatedSecret } from '../platform/pre-created.ts';
import type { Environment } from '../platform/spec.ts';
import { requireVersion } from './prerequisites.ts';
import type { AbandonedObject } from './pulumi/abandoned.ts';
import { Unmet } from './support/unmet.ts';
import type { Listed, WorkloadReader } from './workloads.ts';

const managed = 'app.kubernetes.io/managed-by';
const answerSeconds = 15;

const workloadKinds = [
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  ['apps/v1', 'DaemonSet'],
  ['batch/v1', 'Job'],
] as const;

interface Gateway extends KubernetesObject {
  readonly status?: { readonly addresses?: readonly { readonly value: string }[] };
}

const inRange = (address: string, cidr: string): boolean => {
  const [network = '', bits = '32'] = cidr.split('/');
  const range = new BlockList();
  range.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4');
  return range.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
};

/** A cluster that the user has, named by a context; never the one that happens to be current. */
export class NamedCluster implements WorkloadReader {
  readonly #config: KubeConfig;
  readonly #objects: KubernetesObjectApi;

  private constructor(config: KubeConfig) {
    this.#config = config;
    this.#objects = KubernetesObjectApi.makeApiClient(config);
  }

  /** Throws Unmet with the contexts that there are when the files have no such one. */
  static of(context: string, files: readonly string[]): NamedCluster {
    const config = new KubeConfig();
    for (const [index, file] of files.entries()) {
      const part = new KubeConfig();
      try {
        part.loadFromFile(file);
      } catch (error) {
        throw new Unmet(`${file} is no kubeconfig: ${(error as Error).message.split('\n')[0]}`);
      }
      if (index === 0) config.loadFromFile(file);
      else config.mergeConfig(part);
    }
    const known = config.getContexts().map(({ name }) => name);
    if (!known.includes(context))
      throw new Unmet(
        `CONTEXT=${context}: ${files.join(', ')} has no such context; there are ${known.join(', ') || 'none'}`,
      );
    config.setCurrentContext(context);
    return new NamedCluster(config);
  }

  /** What may be wrong between the cluster and the environment. Throws Unmet when the cluster is too old or doesn't answer. */
  async remarks({ name, kubernetes, imageRegistry, gateway }: Environment): Promise<readonly string[]> {
    const file = `environments/${name}.ts`;
    const server = this.#config.getCurrentCluster()?.server ?? 'no server';
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new Error(`no answer within ${answerSeconds} s`));
      setTimeout(fail, answerSeconds * 1000).unref();
    });
    const asked = this.#config.makeApiClient(VersionApi).getCode();
    const { gitVersion } = await Promise.race([asked, late]).catch((error: Error) => {
      // fetch says what failed in the cause of its error.
      const why = ((error.cause as Error | undefined)?.message ?? error.message).split('\n')[0];
      throw new Unmet(`CONTEXT=${this.#config.getCurrentContext()}: ${server} can't be asked: ${why}`);
    });
    const { api, version } = kubernetes;
    requireVersion({ gitVersion, server }, { version, file });
    const remarks = [`Kubernetes ${gitVersion} at ${server}`];
    if (imageRegistry === undefined)
      remarks.push(
        `${file} names no imageRegistry: every node must have the images. Elsewhere: make images PUSH=<registry>, ` +
          'and name it there',
      );
    if (gateway.kind === 'traefik' && gateway.service.kind === 'clusterIP')
      remarks.push(
        `${file}: gateway.service is clusterIP, which only the cluster's own machines reach; for everybody else: ` +
          "gateway: { kind: 'traefik', service: { kind: 'loadBalancer' } }",
      );
    const elsewhere = (await this.#apiServers()).filter(
      ({ address, port }) => !inRange(address, api.cidr) || port !== api.port,
    );
    if (elsewhere.length > 0)
      remarks.push(
        `${file}: kubernetes.api is ${api.cidr} port ${api.port}, and the API server is at ` +
          `${elsewhere.map(({ address, port }) => `${address} port ${port}`).join(', ')}: ` +
          'policies will keep from it what needs it',
      );
    return remarks;
  }

  /** Those of the Secrets that aren't there, or lack a key. */
  async missing(secrets: readonly PreCreatedSecret[]): Promise<readonly PreCreatedSecret[]> {
    const found = await Promise.all(
      secrets.map(({ namespace, name }) =>
        this.#objects
          .read<V1Secret>({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name } })
          .catch((error) => {
            if (error instanceof ApiException && error.code === 404) return undefined;
            throw error;
          }),
      ),
    );
    return secrets.filter(({ keys }, index) =>
      keys.some((key) => !Object.hasOwn(found[index]?.data ?? {}, key)),
    );
  }

  /** Where the Service `kubernetes` leads to. */
  async #apiServers(): Promise<readonly { readonly address: string; readonly port: number }[]> {
    const { items } = await this.#config.makeApiClient(DiscoveryV1Api).listNamespacedEndpointSlice({
      namespace: 'default',
      labelSelector: 'kubernetes.io/service-name=kubernetes',
    });
    return items.flatMap(({ endpoints = [], ports = [] }) =>
      endpoints.flatMap(({ addresses }) =>
        addresses.flatMap((address) => ports.map(({ port = 443 }) => ({ address, port }))),
      ),
    );
  }

  async workloads(): Promise<readonly Listed[]> {
    const lists = await Promise.all(
      workloadKinds.map(([apiVersion, kind]) => this.#list(apiVersion, kind, `${managed}=plinth`)),
    );
    return lists.flat() as unknown as readonly Listed[];
  }

  async pods(): Promise<readonly Listed[]> {
    return (await this.#list('v1', 'Pod')) as unknown as readonly Listed[];
  }

  /** What the names of the platform's addresses must lead to; none before the gateway has got any. */
  async gatewayAddresses(): Promise<readonly string[]> {
    const gateways = await this.#list<Gateway>(
      'gateway.networking.k8s.io/v1',
      'Gateway',
      `${managed}=plinth`,
    ).catch(() => []);
    return gateways.flatMap(({ status }) => (status?.addresses ?? []).map(({ value }) => value));
  }

  /** Applies an object, whoever had its fields before. */
  async apply(object: KubernetesObject): Promise<void> {
    const how = [undefined, undefined, 'plinth', true, PatchStrategy.ServerSideApply] as const;
    await this.#objects.patch(object, ...how);
  }

  /** Removes an object and what it owns. One that isn't there, or isn't Plinth's, is left alone. */
  async remove({ apiVersion, kind, name, namespace }: AbandonedObject): Promise<void> {
    const header = { apiVersion, kind, metadata: { name, namespace: namespace ?? '' } };
    try {
      const { metadata } = await this.#objects.read(header);
      if (metadata?.labels?.[managed] !== 'plinth') return;
      await this.#objects.delete(header, undefined, undefined, undefined, undefined, 'Background');
    } catch (error) {
      if (!(error instanceof ApiException) || error.code !== 404) throw error;
    }
  }

  /** Items of a list carry no kind of their own. */
  async #list<T extends KubernetesObject>(
    apiVersion: string,
    kind: string,
    labels?: string,
  ): Promise<readonly T[]> {
    const { items } = await this.#objects.list<T>(
      apiVersion,
      kind,
      ...([undefined, undefined, undefined, undefined, undefined] as const),
      labels,
    );
    return items.map((item) => ({ ...item, kind }));
  }
}
