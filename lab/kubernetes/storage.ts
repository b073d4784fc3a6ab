import type { SystemImages } from './images.ts';
import { run as layout } from './layout.ts';
import {
  clusterRole,
  deployment,
  type KubernetesObject,
  rbac,
  restricted,
  serviceAccount,
} from './objects.ts';

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

/** Volumes as folders of the node, and the default storage class. */
export const storage = ({ provisioner, volume }: SystemImages): readonly KubernetesObject[] => {
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
