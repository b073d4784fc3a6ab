import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import { connect, type Endpoint, type Observable, value } from '../contracts/index.ts';
import { ComponentChart, type Home, Pods, role, StatefulService } from '../kit/index.ts';
import { alerts, recordings } from './alerts.ts';
import { operatorRules } from './rights.ts';

export interface SparkOperatorProps {
  readonly home: Home;
  /** Where applications may be; it sees nothing elsewhere. */
  readonly teams: readonly Home[];
  readonly kubernetes: Endpoint<'kubernetes'>;
}

const ports = { metrics: 8080, health: 8081 };

/**
 * Kubeflow's Spark operator, without its webhook: what that would add to pods is in their templates, and a webhook that
 * is down would keep every pod of a team from starting.
 */
export class SparkOperator extends ComponentChart {
  readonly observable: Observable;

  constructor(scope: Construct, props: SparkOperatorProps) {
    super(scope, 'spark-operator', { home: props.home });
    const { teams } = props;
    const pods = new Pods(this, 'Pods', {
      name: 'spark-operator',
      component: 'spark',
      userId: 65_532,
      usesKubernetesApi: true,
    });
    connect(pods, props.kubernetes);
    const account = { name: pods.name, namespace: pods.namespace };
    for (const { name: namespace } of teams)
      pods.startAfter(
        ...role(this, namespace, { name: 'spark-operator', namespace, account, rules: operatorRules }),
      );
    this.node.addDependency(...teams);
    // Two at work, if only while one takes over from the other, would submit an application twice.
    const service = new StatefulService(this, 'Service', {
      pods,
      containers: [
        {
          name: 'spark-operator',
          image: image('spark-operator'),
          command: ['/usr/bin/tini', '-s', '--', 'spark-operator', ...options(teams)],
          // Each submission is a Java program of a few seconds: two threads are two of them at most.
          env: { HOME: value('/tmp'), SPARK_SUBMIT_OPTS: value('-Xmx192m -XX:+UseSerialGC') },
          ports,
          size: { cpu: Cpu.millis(20), memory: Size.mebibytes(96), memoryLimit: Size.mebibytes(1024) },
          probe: { kind: 'http', port: ports.health, path: '/readyz' },
        },
      ],
    });
    this.observable = { metrics: [service.metrics('metrics')], recordings, alerts };
  }
}

const options = (teams: readonly Home[]): readonly string[] => [
  'controller',
  'start',
  `--namespaces=${teams.map(({ name }) => name).join(',')}`,
  '--controller-threads=2',
  '--enable-ui-service=false',
  '--enable-metrics=true',
  `--metrics-bind-address=:${ports.metrics}`,
  '--metrics-labels=team',
  `--health-probe-bind-address=:${ports.health}`,
  '--zap-log-level=info',
];
