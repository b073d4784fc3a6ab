import type { k8s } from 'cdk8s-plus-27';

/**
 * Over zones, and over the nodes of each. Both are wishes: a pod starts even where they can't be met. A pod that names
 * any constraint loses the scheduler's own wish to spread over nodes.
 */
export const spread = (labels: Readonly<Record<string, string>>): k8s.TopologySpreadConstraint[] =>
  ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: { ...labels } },
  }));
