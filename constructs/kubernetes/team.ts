import { Lazy } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import {
  Connections,
  type Consumer,
  type MetricsSource,
  type Observable,
  type Peer,
  type TeamLimits,
  type TeamSpace,
} from '../contracts/index.ts';
import { ComponentChart, networkPolicySpec } from '../kit/index.ts';
import type { PlinthNamespace } from './namespace.ts';

export interface TeamProps {
  readonly name: string;
  readonly home: PlinthNamespace;
  readonly limits: TeamLimits;
}

/** Where pods of a team answer Prometheus, if they declare it: the port that OpenTelemetry's exporters have by default. */
const metricsPort = 9464;

const quantity = (amount: string): k8s.Quantity => k8s.Quantity.fromString(amount);

/**
 * A team's namespace with what it may use and who may look. Members see what runs there, but no Secret: what a
 * workload may know isn't what a person may know.
 */
export class Team extends ComponentChart implements TeamSpace, Consumer, Observable {
  readonly name: string;
  override readonly home: PlinthNamespace;
  override readonly namespace: string;
  readonly group: string;
  readonly limits: TeamLimits;
  /** What is granted to a team is granted to every pod of its namespace. */
  readonly peer: Peer;
  readonly connections = new Connections();
  readonly metrics: readonly MetricsSource[];

  constructor(scope: Construct, props: TeamProps) {
    super(scope, props.home.name, { home: props.home });
    this.name = props.name;
    this.home = props.home;
    this.namespace = props.home.name;
    this.group = props.name;
    this.limits = props.limits;
    this.peer = { kind: 'namespace', namespace: this.namespace };
    const { namespace, connections } = this;
    this.metrics = [
      {
        job: namespace,
        namespace,
        labels: {},
        port: metricsPort,
        path: '/metrics',
        connections,
        team: this.name,
      },
    ];
    new k8s.KubeNetworkPolicy(this, 'NetworkPolicy', {
      metadata: { name: 'team' },
      spec: Lazy.any({ produce: () => networkPolicySpec({}, this.connections) }),
    });
    this.#quota();
    this.#defaults();
    const group = { kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: `plinth:${this.group}` };
    new k8s.KubeRoleBinding(this, 'Members', {
      metadata: { name: 'team-members' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [group],
    });
  }

  get scope(): ComponentChart {
    return this;
  }

  /** A namespace doesn't start. */
  startAfter(): void {}

  /** What a team runs is its own to roll. */
  rollWith(): void {}

  #quota(): void {
    const { cpu, memoryGiB, storageGiB, pods } = this.limits;
    new k8s.KubeResourceQuota(this, 'Quota', {
      metadata: { name: 'team' },
      spec: {
        hard: {
          'requests.cpu': quantity(String(cpu)),
          'limits.memory': quantity(`${memoryGiB}Gi`),
          'requests.storage': quantity(`${storageGiB}Gi`),
          pods: quantity(String(pods)),
          'services.loadbalancers': quantity('0'),
          'services.nodeports': quantity('0'),
        },
      },
    });
  }

  /** What a container that names no resources gets; without it the quota would refuse its pod. */
  #defaults(): void {
    new k8s.KubeLimitRange(this, 'Defaults', {
      metadata: { name: 'team' },
      spec: {
        limits: [
          {
            type: 'Container',
            defaultRequest: { cpu: quantity('100m'), memory: quantity('256Mi') },
            default: { memory: quantity('512Mi') },
            max: { memory: quantity(`${this.limits.memoryGiB}Gi`) },
          },
        ],
      },
    });
  }
}
