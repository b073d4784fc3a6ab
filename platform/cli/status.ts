import { existsSync } from 'node:fs';
import { AppsV1Api, BatchV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { type ClusterState, type Health, healthOf } from './health.ts';
import { fileOf, leftOut, type StatusOptions } from './left-out.ts';

const logLines = 8;

/** A cluster that is named; never the one that happens to be current. */
export const clusterConfig = ({ context, kubeconfig }: Omit<StatusOptions, 'environment'>): KubeConfig => {
  const config = new KubeConfig();
  const file = fileOf({ context, kubeconfig });
  if (file !== undefined) {
    if (!existsSync(file))
      throw new Error(
        kubeconfig === undefined
          ? 'no lab runs from this checkout: make up starts it; --context names another cluster'
          : `no kubeconfig ${kubeconfig}`,
      );
    config.loadFromFile(file);
  } else config.loadFromDefault();
  if (context !== undefined) {
    const known = config.getContexts().map(({ name }) => name);
    if (!known.includes(context))
      throw new Error(`no context ${context} in the kubeconfig; there are ${known.join(', ') || 'none'}`);
    config.setCurrentContext(context);
  }
  return config;
};

const read = async (config: KubeConfig): Promise<ClusterState> => {
  const core = config.makeApiClient(CoreV1Api);
  const apps = config.makeApiClient(AppsV1Api);
  const batch = config.makeApiClient(BatchV1Api);
  const [namespaces, deployments, statefulSets, daemonSets, jobs, pods, claims, events] = await Promise.all([
    core.listNamespace(),
    apps.listDeploymentForAllNamespaces(),
    apps.listStatefulSetForAllNamespaces(),
    apps.listDaemonSetForAllNamespaces(),
    batch.listJobForAllNamespaces(),
    core.listPodForAllNamespaces(),
    core.listPersistentVolumeClaimForAllNamespaces(),
    core.listEventForAllNamespaces(),
  ]);
  return {
    namespaces: namespaces.items,
    deployments: deployments.items,
    statefulSets: statefulSets.items,
    daemonSets: daemonSets.items,
    jobs: jobs.items,
    pods: pods.items,
    claims: claims.items,
    events: events.items,
  };
};

/** The last lines that a pod said, indented; empty where there are none any more. */
const lastLines = async (core: CoreV1Api, { namespace, speaker }: Health): Promise<readonly string[]> => {
  if (speaker === undefined) return [];
  const { pod: name, container, previous } = speaker;
  try {
    const log = await core.readNamespacedPodLog({
      name,
      namespace,
      container,
      previous,
      tailLines: logLines,
    });
    return [
      `last lines of ${name}:`,
      ...log
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    ];
  } catch {
    return [];
  }
};

/** Text of how a cluster fares, and whether all is well. Throws when the cluster can't be read. */
export const status = async (
  options: StatusOptions,
): Promise<{ readonly text: string; readonly well: boolean }> => {
  const notes = leftOut(options);
  const config = clusterConfig(options);
  const context = config.getCurrentContext();
  let state: ClusterState;
  try {
    state = await read(config);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    const server = config.getCurrentCluster()?.server ?? 'no server';
    throw new Error(`context ${context}: ${server} doesn't answer as a Kubernetes API server: ${why}`);
  }
  const core = config.makeApiClient(CoreV1Api);
  const shown = healthOf(state).filter(({ ours, ill }) => ours || ill);
  const width = Math.max(0, ...shown.map(({ object }) => object.length));
  const lines: string[] = [];
  for (const health of shown) {
    lines.push(`${health.ill ? 'ILL ' : 'ok  '} ${health.object.padEnd(width)}  ${health.state}`);
    const more = health.ill ? [...health.reasons, ...(await lastLines(core, health))] : [];
    lines.push(...more.map((line) => `       ${line}`));
  }
  const ill = shown.filter((health) => health.ill);
  const count = shown.length - ill.length;
  if (shown.length === 0)
    lines.push('nothing of the platform is there: it was not applied to this cluster yet');
  return {
    text: [
      `cluster: ${context}`,
      ...lines,
      ...notes,
      ill.length === 0 ? `all ${count} are well` : `${ill.length} of ${shown.length} are ill`,
    ].join('\n'),
    well: ill.length === 0 && shown.length > 0,
  };
};
