import { type ApiObject, Lazy } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { Construct, type IDependable } from 'constructs';
import { Connections, type Consumer, type Peer } from '../contracts/index.ts';
import { type ComponentChart, clusterChoices } from './chart.ts';
import { podLabels, shortHash } from './names.ts';
import { networkPolicySpec } from './network-policy.ts';
import { type ContainerProps, type Mount, podSpec } from './pod.ts';

export interface PodsProps {
  /** Names the workload and everything of it; unique in its namespace. */
  readonly name: string;
  /** Which component of the platform it belongs to. */
  readonly component: string;
  /** User and group id; files on its volumes belong to the group. */
  readonly userId?: number;
  /** Mounts a token of its own ServiceAccount, for what talks to the Kubernetes API. */
  readonly usesKubernetesApi?: boolean;
  /** How long a pod may finish what it has begun, in seconds. */
  readonly graceSeconds?: number;
}

/**
 * The pods of one workload before they have containers: identity, network paths and order. Grants are given to
 * it, and what they return goes into the containers of the workload that runs them.
 */
export class Pods extends Construct implements Consumer {
  readonly name: string;
  readonly namespace: string;
  readonly scope: ComponentChart;
  readonly labels: Readonly<Record<string, string>>;
  readonly peer: Peer;
  readonly connections = new Connections();
  readonly serviceAccount: k8s.KubeServiceAccount;
  readonly #policy: k8s.KubeNetworkPolicy;
  readonly #props: PodsProps;
  readonly #needed: IDependable[] = [];
  readonly #runs: ApiObject[] = [];
  readonly #annotations = new Map<string, string>();
  readonly #mounts: Mount[] = [];
  #hasTemplate = false;

  constructor(scope: ComponentChart, id: string, props: PodsProps) {
    super(scope, id);
    this.#props = props;
    this.name = props.name;
    this.namespace = scope.home.name;
    this.scope = scope;
    this.labels = podLabels(props.name, props.component);
    this.peer = { kind: 'pods', namespace: this.namespace, labels: this.labels };
    this.serviceAccount = new k8s.KubeServiceAccount(this, 'ServiceAccount', {
      metadata: { name: props.name },
      automountServiceAccountToken: false,
    });
    this.#policy = new k8s.KubeNetworkPolicy(this, 'NetworkPolicy', {
      metadata: { name: props.name },
      spec: Lazy.any({ produce: () => networkPolicySpec(this.labels, this.connections) }),
    });
  }

  startAfter(...needed: IDependable[]): void {
    this.#needed.push(...needed);
    for (const run of this.#runs) run.node.addDependency(...needed);
  }

  /** Throws where what runs these pods is there already: grants come first. */
  mountSecret(secret: string, path: string): void {
    if (this.#hasTemplate)
      throw new Error(
        `${this.node.path}: a grant after its workload; ask for grants, then make what runs the pods`,
      );
    if (!this.#mounts.some((mount) => mount.path === path))
      this.#mounts.push({ path, from: { kind: 'secret', secret: { name: secret } }, readOnly: true });
  }

  rollWith(credential: string, generation: number): void {
    this.#annotations.set(`credentials.plinth.dev/${credential}`, String(generation));
  }

  /** Ties an object that runs these pods to what they wait for. */
  runBy(run: ApiObject): void {
    this.#runs.push(run);
    run.node.addDependency(this.serviceAccount, this.#policy, ...this.#needed);
  }

  /** The pod template; annotations are read when the tree is rendered, after every grant. */
  template(
    own: readonly ContainerProps[],
    more: Partial<k8s.PodSpec> = {},
    before: readonly ContainerProps[] = [],
  ): k8s.PodTemplateSpec {
    this.#hasTemplate = true;
    const containers = own.map((each) =>
      this.#mounts.length === 0 ? each : { ...each, mounts: [...(each.mounts ?? []), ...this.#mounts] },
    );
    const files = containers
      .flatMap((each) => each.mounts ?? [])
      .flatMap(({ from }) => (from.kind === 'files' ? [from.files.hash] : []));
    if (files.length > 0) this.#annotations.set('plinth.dev/files', shortHash(files));
    return {
      metadata: {
        labels: { ...this.labels },
        annotations: Lazy.any({ produce: () => this.#sortedAnnotations() }),
      },
      spec: {
        ...podSpec({ ...this.#props, before, serviceAccount: this.name }, containers, clusterChoices(this)),
        ...more,
      },
    };
  }

  #sortedAnnotations(): Record<string, string> | undefined {
    if (this.#annotations.size === 0) return undefined;
    return Object.fromEntries([...this.#annotations.entries()].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
