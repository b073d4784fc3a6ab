import type { SystemImages } from './images.ts';
import { lab } from './layout.ts';
import {
  clusterRole,
  deployment,
  type KubernetesObject,
  labels,
  restricted,
  serviceAccount,
} from './objects.ts';
import { storage } from './storage.ts';

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

/** What every cluster has before Plinth comes: names and a default storage class. */
export const systemObjects = (images: SystemImages): readonly KubernetesObject[] => [
  ...dns(images),
  ...storage(images),
];
