import type { App } from 'cdk8s';

interface Labels {
  readonly [label: string]: string;
}
interface Peer {
  readonly ipBlock?: { readonly cidr: string };
  readonly namespaceSelector?: { readonly matchLabels: Labels };
  readonly podSelector?: { readonly matchLabels: Labels };
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: {
    readonly template?: { readonly metadata: { readonly labels: Labels } };
    readonly podSelector?: { readonly matchLabels?: Labels };
    readonly egress?: readonly {
      readonly to?: readonly Peer[];
      readonly ports?: readonly { readonly port: number }[];
    }[];
  };
}

const shapes: Readonly<Record<string, string>> = {
  Deployment: 'shape=box, style="rounded,filled", fillcolor="#e8f0fe"',
  StatefulSet: 'shape=cylinder, style=filled, fillcolor="#e6f4ea"',
  Job: 'shape=box, style="rounded,dashed"',
};
const nameLabel = 'app.kubernetes.io/name';
const quoted = (text: string): string => JSON.stringify(text);

/** The platform as a Graphviz drawing: workloads by namespace, an arrow for each path that a policy opens. */
export const drawing = (app: App): string => {
  const manifests = app.charts.flatMap((chart) => chart.toJson() as readonly Manifest[]);
  const clusters = new Map<string, string[]>();
  const known = new Set<string>();
  for (const { kind, metadata, spec } of manifests) {
    const name = spec?.template?.metadata.labels[nameLabel];
    const shape = shapes[kind];
    if (name === undefined || shape === undefined || metadata.namespace === undefined) continue;
    const id = `${metadata.namespace}/${name}`;
    known.add(id);
    const nodes = clusters.get(metadata.namespace) ?? [];
    clusters.set(metadata.namespace, [...nodes, `    ${quoted(id)} [label=${quoted(name)}, ${shape}];`]);
  }
  const edges: string[] = [];
  for (const { kind, metadata, spec } of manifests) {
    const from = `${metadata.namespace}/${spec?.podSelector?.matchLabels?.[nameLabel]}`;
    if (kind !== 'NetworkPolicy' || !known.has(from)) continue;
    for (const { to = [], ports = [] } of spec?.egress ?? [])
      for (const peer of to) {
        const namespace = peer.namespaceSelector?.matchLabels['kubernetes.io/metadata.name'];
        const target = peer.ipBlock?.cidr ?? `${namespace}/${peer.podSelector?.matchLabels[nameLabel]}`;
        edges.push(
          `  ${quoted(from)} -> ${quoted(target)} [label=${quoted(ports.map(({ port }) => port).join(', '))}];`,
        );
      }
  }
  const boxes = [...clusters].map(
    ([namespace, nodes]) =>
      `  subgraph ${quoted(`cluster_${namespace}`)} {\n    label=${quoted(`namespace ${namespace}`)};\n${nodes.join('\n')}\n  }`,
  );
  return [
    'digraph platform {',
    '  rankdir=LR; fontname="Helvetica"; bgcolor="white"; style="rounded"; color="#9aa0a6";',
    '  node [fontname="Helvetica", fontsize=11]; edge [fontname="Helvetica", fontsize=9, color="#5f6368"];',
    ...boxes,
    ...edges,
    '}',
  ].join('\n');
};
