import { z } from 'zod';
import { cidr, objectName, port, version } from './values.ts';

const dns = z.discriminatedUnion('kind', [
  /** Pods `k8s-app=kube-dns` in kube-system, on port 53: kubeadm's CoreDNS and that of most providers. */
  z.strictObject({ kind: z.literal('kubeDns') }),
  /** Other pods, such as those of OpenShift, with the port that they listen on themselves. */
  z.strictObject({
    kind: z.literal('pods'),
    namespace: objectName,
    labels: z.record(z.string().min(1), z.string()),
    port: port.default(53),
  }),
  /** A cache on every node, such as NodeLocal DNSCache, or a server outside. */
  z.strictObject({ kind: z.literal('addresses'), cidr, port: port.default(53) }),
]);

/** What the manifests must know of the cluster. */
export const kubernetes = z.strictObject({
  /** Oldest minor version that the manifests must be valid for. */
  version: version.default('1.35'),
  /** Where pods reach the API server after its Service address is translated, for the network policies. */
  api: z.strictObject({ cidr, port: port.default(6443) }),
  /** Who answers the look-ups of pods, for the network policies. */
  dns: dns.default({ kind: 'kubeDns' }),
});
