import type { SystemImages } from './images.ts';
import { lab, run as layout } from './layout.ts';

interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string } & Record<string, unknown>;
  readonly [field: string]: unknown;
}

const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

const labels = (app: string): Readonly<Record<string, string>> => ({ 'app.kubernetes.io/name': app });

const corefile = `.:53 {
  errors
  health
  ready
  # One name everywhere: what the host finds at its loopback, pods find at the gateway.
  rewrite stop {
    name regex (.*)\\.${lab.domain.replaceAll('.', '\\.')} gateway.gateway.svc.cluster.local
    answer auto
  }
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
  }
  prometheus :9153
  forward . /etc/resolv.conf
  cache 10
  loop
  reload 10s
}
`;

const deployment = (
  name: string,
  namespace: string,
  pod: Readonly<Record<string, unknown>>,
  podLabels: Readonly<Record<string, string>> = {},
): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace, labels: labels(name) },
  spec: {
    replicas: 1,
    strategy: { type: 'Recreate' },
    selector: { matchLabels: labels(name) },
    template: {
      metadata: { labels: { ...labels(name), ...podLabels } },
      spec: { serviceAccountName: name, ...pod },
    },
  },
});

const serviceAccount = (name: string, namespace: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace },
});

type Rule = Readonly<Record<'apiGroups' | 'resources' | 'verbs', readonly string[]>>;

const rbac = 'rbac.authorization.k8s.io';

const clusterRole = (
  account: string,
  namespace: string,
  rules: readonly Rule[],
): readonly KubernetesObject[] => {
  // Cluster-wide names are everybody's: the platform may bring a role of the same short name.
  const name = `plinth-lab-${account}`;
  return [
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    },
  ];
};

const dns = ({ coreDns }: SystemImages): readonly KubernetesObject[] => {
  const name = 'coredns';
  const namespace = 'kube-system';
  const listed = ['endpoints', 'services', 'pods', 'namespaces'];
  return [
    serviceAccount(name, namespace),
    ...clusterRole(name, namespace, [
      { apiGroups: [''], resources: listed, verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace },
      data: { Corefile: corefile },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace, labels: { 'k8s-app': 'kube-dns' } },
      spec: {
        clusterIP: lab.dnsService,
        selector: labels(name),
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
          { name: 'metrics', port: 9153, protocol: 'TCP' },
        ],
      },
    },
    deployment(
      name,
      namespace,
      {
        priorityClassName: 'system-cluster-critical',
        dnsPolicy: 'Default',
        containers: [
          {
            name,
            image: coreDns.reference,
            imagePullPolicy: 'Never',
            args: ['-conf', '/etc/coredns/Corefile'],
            ports: [
              { containerPort: 53, name: 'dns', protocol: 'UDP' },
              { containerPort: 53, name: 'dns-tcp', protocol: 'TCP' },
              { containerPort: 9153, name: 'metrics', protocol: 'TCP' },
            ],
            resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: '170Mi' } },
            securityContext: { ...restricted, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } },
            livenessProbe: { httpGet: { path: '/health', port: 8080 }, timeoutSeconds: 5 },
            readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 2, timeoutSeconds: 2 },
            volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
          },
        ],
        volumes: [{ name: 'config', configMap: { name } }],
      },
      // The label that policies and tools know a cluster's DNS by.
      { 'k8s-app': 'kube-dns' },
    ),
  ];
};

const helperPod = (image: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'volume' },
  spec: {
    priorityClassName: 'system-node-critical',
    containers: [
      {
        name: 'helper-pod',
        image,
        imagePullPolicy: 'Never',
        resources: { requests: { cpu: '5m', memory: '16Mi' } },
      },
    ],
  },
});

const storage = ({ provisioner, volume }: SystemImages): readonly KubernetesObject[] => {
  const name = 'local-path-provisioner';
  const namespace = 'plinth-lab';
  const config = {
    nodePathMap: [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths: [layout.volumes] }],
    setupCommand: '/make-volume',
    teardownCommand: '/remove-volume',
  };
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        labels: { 'pod-security.kubernetes.io/enforce': 'privileged' },
        annotations: {
          'plinth.dev/pod-security-exception':
            'the storage provisioner makes and removes volumes through pods that mount a folder of the host',
        },
      },
    },
    serviceAccount(name, namespace),
    ...clusterRole(name, namespace, [
      {
        apiGroups: [''],
        resources: ['nodes', 'persistentvolumeclaims', 'configmaps', 'pods', 'pods/log'],
        verbs: ['get', 'list', 'watch'],
      },
      {
        apiGroups: [''],
        resources: ['persistentvolumes'],
        verbs: ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete'],
      },
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get', 'list', 'watch'] },
    ]),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: { name, namespace },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'patch', 'update'] }],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name, namespace },
      roleRef: { apiGroup: rbac, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace },
      data: {
        'config.json': JSON.stringify(config),
        'helperPod.yaml': JSON.stringify(helperPod(volume.reference)),
      },
    },
    deployment(name, namespace, {
      priorityClassName: 'system-cluster-critical',
      containers: [
        {
          name,
          image: provisioner.reference,
          imagePullPolicy: 'Never',
          args: [
            'start',
            ...['--config', '/etc/config/config.json'],
            ...['--namespace', namespace],
            ...['--configmap-name', name],
            ...['--service-account-name', name],
            ...['--helper-image', volume.reference],
          ],
          env: [{ name: 'CONFIG_MOUNT_PATH', value: '/etc/config/' }],
          resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
          securityContext: { ...restricted, runAsNonRoot: true, runAsUser: 65532 },
          volumeMounts: [{ name: 'config', mountPath: '/etc/config', readOnly: true }],
        },
      ],
      volumes: [{ name: 'config', configMap: { name } }],
    }),
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: 'local-path',
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'rancher.io/local-path',
      volumeBindingMode: 'WaitForFirstConsumer',
      reclaimPolicy: 'Delete',
    },
  ];
};

/** What every cluster has before Plinth comes: names and a default storage class. */
export const systemObjects = (images: SystemImages): readonly KubernetesObject[] => [
  ...dns(images),
  ...storage(images),
];

/** A file's worth of objects, as `kubectl apply -f -` reads it. */
export const asList = (items: readonly KubernetesObject[]): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
