import type { App } from 'cdk8s';

interface Labels {
  readonly [label: string]: string;
}
interface Peer {
  readonly ipBlock?: { readonly cidr: string };
  readonly namespaceSelector?: { readonly matchLabels?: Labels };
  readonly podSelector?: { readonly matchLabels?: Labels };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port: number }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: {
    readonly template?: {
      readonly metadata?: { readonly labels?: Labels };
      readonly spec?: { readonly volumes?: readonly { readonly persistentVolumeClaim?: unknown }[] };
    };
    readonly podSelector?: { readonly matchLabels?: Labels };
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

/** `pods` are those that somebody else starts: notebooks, executors, what a team runs. */
export type Shape = 'service' | 'data' | 'jobs' | 'pods' | 'outside';

/** What is one box in the picture. */
export interface Box {
  readonly id: string;
  /** Unset outside the cluster. */
  readonly namespace?: string;
  readonly shape: Shape;
  readonly title: string;
  /** Of jobs: each one's name. */
  readonly parts: Set<string>;
  /** Where it takes connections. */
  readonly ports: Set<number>;
  /** Whether Prometheus reads its metrics: drawn as a mark, because arrows to everything would hide the others. */
  measured: boolean;
}

/** Workloads and the paths between them that the network policies of a tree open. */
export interface PlatformMap {
  readonly boxes: ReadonlyMap<string, Box>;
  readonly paths: readonly { readonly from: string; readonly to: string }[];
}

/** What ranges of addresses are called, for people. */
export type AddressNames = Readonly<Record<string, string>>;

const nameLabel = 'app.kubernetes.io/name';
const componentLabel = 'app.kubernetes.io/component';
const namespaceLabel = 'kubernetes.io/metadata.name';
const shapes: Readonly<Record<string, Shape>> = {
  Deployment: 'service',
  StatefulSet: 'service',
  DaemonSet: 'service',
  Job: 'jobs',
  CronJob: 'jobs',
};
/** Whose paths are marks instead of arrows. */
const reader = 'prometheus';

class Mapping {
  readonly boxes = new Map<string, Box>();
  readonly paths = new Map<string, { readonly from: string; readonly to: string }>();
  /** Boxes by namespace and pod labels, as selectors name them. */
  readonly #byLabels = new Map<string, Box>();

  box(id: string, title: string, shape: Shape, namespace?: string): Box {
    const known = this.boxes.get(id);
    if (known !== undefined) return known;
    const where = namespace === undefined ? {} : { namespace };
    const box: Box = { id, title, shape, ...where, parts: new Set(), ports: new Set(), measured: false };
    this.boxes.set(id, box);
    return box;
  }

  workload({ kind, metadata: { namespace }, spec }: Manifest): void {
    const labels = spec?.template?.metadata?.labels ?? {};
    const [name, component = 'other'] = [labels[nameLabel], labels[componentLabel]];
    const keepsData = spec?.template?.spec?.volumes?.some(
      (volume) => volume.persistentVolumeClaim !== undefined,
    );
    const shape = shapes[kind] === 'service' && keepsData ? 'data' : shapes[kind];
    if (name === undefined || shape === undefined || namespace === undefined) return;
    const box =
      shape === 'jobs'
        ? this.box(`${namespace}/jobs of ${component}`, `${component} jobs`, shape, namespace)
        : this.box(`${namespace}/${name}`, name, shape, namespace);
    if (shape === 'jobs') box.parts.add(name.replace(`${component}-`, ''));
    this.#byLabels.set(`${namespace} ${name}`, box);
  }

  /** The box of the pods that labels select; without any, all of the namespace's that have no box of their own. */
  selected(namespace: string, labels: Labels, name?: string): Box {
    const known = this.#byLabels.get(`${namespace} ${labels[nameLabel]}`);
    if (known !== undefined) return known;
    const title = Object.keys(labels).length === 0 ? 'pods of the team' : (name ?? Object.values(labels)[0]);
    return this.box(`${namespace}/${JSON.stringify(labels)}`, title ?? 'pods', 'pods', namespace);
  }

  path(from: Box, to: Box, ports: readonly number[]): void {
    if (from === to) return;
    if (from.title === reader && to.namespace !== undefined && to.namespace !== from.namespace) {
      to.measured = true;
      return;
    }
    for (const port of ports) to.ports.add(port);
    this.paths.set(`${from.id} ${to.id}`, { from: from.id, to: to.id });
  }
}

const portsOf = ({ ports = [] }: Rule): readonly number[] => ports.map(({ port }) => port);

/** Reads the finished tree; addresses that have no name are shown as they are. */
export const mapOf = (app: App, addresses: AddressNames = {}): PlatformMap => {
  const manifests = app.charts.flatMap((chart) => chart.toJson() as readonly Manifest[]);
  const mapping = new Mapping();
  for (const manifest of manifests) mapping.workload(manifest);
  const outside = (cidr: string): Box => mapping.box(cidr, addresses[cidr] ?? cidr, 'outside');
  for (const { kind, metadata, spec } of manifests) {
    if (kind !== 'NetworkPolicy' || metadata.namespace === undefined) continue;
    const { namespace, name } = metadata;
    const own = () => mapping.selected(namespace, spec?.podSelector?.matchLabels ?? {}, name);
    for (const rule of spec?.egress ?? [])
      for (const { ipBlock, namespaceSelector, podSelector } of rule.to ?? []) {
        const target = namespaceSelector?.matchLabels?.[namespaceLabel] ?? namespace;
        // Every pod may ask for names.
        if (target === 'kube-system') continue;
        const to =
          ipBlock === undefined
            ? mapping.selected(target, podSelector?.matchLabels ?? {})
            : outside(ipBlock.cidr);
        mapping.path(own(), to, portsOf(rule));
      }
    for (const rule of spec?.ingress ?? [])
      for (const { ipBlock } of rule.from ?? [])
        if (ipBlock !== undefined) mapping.path(outside(ipBlock.cidr), own(), portsOf(rule));
  }
  return { boxes: mapping.boxes, paths: [...mapping.paths.values()] };
};
