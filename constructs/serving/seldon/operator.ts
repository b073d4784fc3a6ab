import { Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image, type PinnedImage, reference } from '../../catalogue/index.ts';
import {
  derivedCertificate,
  type Endpoint,
  type EnvSource,
  field,
  type MetricsSource,
  SecretRequest,
  type SecretValue,
  value,
} from '../../contracts/index.ts';
import { ComponentChart, type Home, HttpService, imageRegistry, Pods, role } from '../../kit/index.ts';
import { clusterRules, leaderRules, teamRules } from './rights.ts';

export interface SeldonOperatorProps {
  readonly home: Home;
  /** Where models may be; it changes nothing elsewhere. */
  readonly teams: readonly Home[];
  readonly kubernetes: Endpoint<'kubernetes'>;
  /** Addresses of the API server, which asks the webhook: it is in no namespace. */
  readonly generation: number;
}

const name = 'seldon-operator';
const ports = { webhook: 4443, metrics: 8080 };
const certificates = '/tmp/k8s-webhook-server/serving-certs';
/** Model pods and the executor beside them run as this user unless they say otherwise. */
const userId = '8888';

/** Seldon Core's operator, its rights, its configuration and its webhook. It needs no Secret of any other namespace. */
export class SeldonOperator extends ComponentChart {
  readonly metrics: readonly MetricsSource[];

  constructor(scope: Construct, props: SeldonOperatorProps) {
    super(scope, 'seldon', { home: props.home });
    const pods = new Pods(this, 'Pods', {
      name,
      component: 'serving',
      userId: Number(userId),
      usesKubernetesApi: true,
    });
    const { kubernetes } = props;
    pods.connections.allowTo(kubernetes.peer, kubernetes.port);
    // The API server asks the webhook from where it runs.
    pods.connections.allowFrom(kubernetes.peer, ports.webhook);
    const certificate = this.#certificate(props.generation);
    pods.startAfter(certificate, this.#configuration(), ...this.#rights(pods, props.teams));
    this.node.addDependency(...props.teams);
    pods.rollWith('seldon-webhook', props.generation);
    const service = new HttpService(this, 'Operator', {
      pods,
      replicas: 1,
      publishedPorts: { webhook: 443 },
      containers: [
        {
          name: 'manager',
          image: image('seldon-operator'),
          // Its default lock needs rights on ConfigMaps, and without them the operator does nothing, yet is ready.
          command: [
            '/manager',
            '--enable-leader-election',
            '--leader-election-resource-lock=leases',
            `--webhook-port=${ports.webhook}`,
            `--metrics-addr=:${ports.metrics}`,
          ],
          env: {
            POD_NAMESPACE: field('metadata.namespace'),
            ...executorSettings(),
            DEFAULT_USER_ID: value(userId),
            DEPLOYMENT_NAME_AS_PREFIX: value('true'),
            ISTIO_ENABLED: value('false'),
            AMBASSADOR_ENABLED: value('false'),
            KEDA_ENABLED: value('false'),
          },
          ports,
          size: { cpu: Cpu.millis(50), memory: Size.mebibytes(128), memoryLimit: Size.mebibytes(256) },
          mounts: [{ path: certificates, from: { kind: 'secret', secret: certificate.ref }, readOnly: true }],
          probe: { kind: 'tcp', port: ports.webhook },
        },
      ],
    });
    this.metrics = [service.metrics('metrics')];
    this.#webhook(service);
  }

  #certificate(generation: number): SecretRequest<'tls.crt' | 'tls.key' | 'ca.crt'> {
    const namespace = this.home.name;
    const part = (which: 'certificate' | 'privateKey' | 'authority'): SecretValue =>
      derivedCertificate(
        { owner: 'seldon', role: 'webhook', key: 'tls', generation },
        [`${name}.${namespace}.svc`],
        which,
      );
    return new SecretRequest(this, 'Certificate', {
      namespace,
      name: 'seldon-webhook-server-cert',
      type: 'kubernetes.io/tls',
      generation,
      values: { 'tls.crt': part('certificate'), 'tls.key': part('privateKey'), 'ca.crt': part('authority') },
    });
  }

  /** The operator reads this by its name. Models that name an `implementation` are served by the image of the others. */
  #configuration(): k8s.KubeConfigMap {
    const registry = imageRegistry(this);
    const server = { protocols: { v2: split(image('model-server'), registry) } };
    const settings = {
      predictor_servers: { MLFLOW_SERVER: server, SKLEARN_SERVER: server },
      storageInitializer: {
        image: reference(image('seldon-storage-initializer')),
        // All four, or the operator refuses every model.
        cpuRequest: '50m',
        cpuLimit: '1',
        memoryRequest: '128Mi',
        memoryLimit: '1Gi',
      },
    };
    return new k8s.KubeConfigMap(this, 'Configuration', {
      metadata: { name: 'seldon-config' },
      data: Object.fromEntries(Object.entries(settings).map(([key, each]) => [key, JSON.stringify(each)])),
    });
  }

  #rights(pods: Pods, teams: readonly Home[]): readonly Construct[] {
    const account = { name: pods.name, namespace: pods.namespace };
    const metadata = { name: `plinth-${name}` };
    const clusterRole = new k8s.KubeClusterRole(this, 'ClusterRole', { metadata, rules: clusterRules });
    const binding = new k8s.KubeClusterRoleBinding(this, 'ClusterRoleBinding', {
      metadata,
      subjects: [{ kind: 'ServiceAccount', ...account }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name },
    });
    binding.node.addDependency(clusterRole);
    return [
      binding,
      ...role(this, '', { ...account, rules: leaderRules }),
      ...teams.flatMap(({ name: namespace }) =>
        role(this, namespace, { name, namespace, account, rules: teamRules }),
      ),
    ];
  }

  #webhook(service: HttpService): void {
    const webhook = new k8s.KubeValidatingWebhookConfiguration(this, 'Webhook', {
      metadata: {
        name: 'plinth-seldon',
        // The authority's certificate is known only where the platform is applied, which puts it in.
        annotations: { 'plinth.dev/authority': 'own' },
      },
      webhooks: [
        {
          name: 'v1.vseldondeployment.kb.io',
          clientConfig: {
            service: {
              name,
              namespace: this.home.name,
              port: 443,
              path: '/validate-machinelearning-seldon-io-v1-seldondeployment',
            },
          },
          rules: [
            {
              apiGroups: ['machinelearning.seldon.io'],
              apiVersions: ['v1'],
              operations: ['CREATE', 'UPDATE'],
              resources: ['seldondeployments'],
            },
          ],
          failurePolicy: 'Fail',
          sideEffects: 'None',
          admissionReviewVersions: ['v1', 'v1beta1'],
          timeoutSeconds: 10,
        },
      ],
    });
    webhook.node.addDependency(service);
  }
}

/** For the executor, which the operator puts beside every model. */
const executorSettings = (): Readonly<Record<string, EnvSource>> => ({
  EXECUTOR_CONTAINER_IMAGE_AND_VERSION: value(reference(image('seldon-executor'))),
  EXECUTOR_CONTAINER_IMAGE_PULL_POLICY: value('IfNotPresent'),
  EXECUTOR_CONTAINER_USER: value(userId),
  EXECUTOR_CONTAINER_SERVICE_ACCOUNT_NAME: value('models'),
  EXECUTOR_FULL_HEALTH_CHECKS: value('true'),
  EXECUTOR_SERVER_PORT: value('8000'),
  EXECUTOR_PROMETHEUS_PATH: value('/prometheus'),
  // Its own defaults are half a core and 512 MiB for each model pod.
  EXECUTOR_DEFAULT_CPU_REQUEST: value('20m'),
  EXECUTOR_DEFAULT_CPU_LIMIT: value('1'),
  EXECUTOR_DEFAULT_MEMORY_REQUEST: value('64Mi'),
  EXECUTOR_DEFAULT_MEMORY_LIMIT: value('256Mi'),
});

/** Seldon joins both with a colon; a digest must stand with the image. */
const split = (pinned: PinnedImage, registry: string | undefined) => {
  const whole = reference(pinned, registry);
  const at = whole.lastIndexOf(':');
  return { image: whole.slice(0, at), defaultImageVersion: whole.slice(at + 1) };
};
