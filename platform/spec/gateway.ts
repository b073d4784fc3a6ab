import { z } from 'zod';
import { objectName, port, replicas } from './values.ts';

const gatewayService = z.discriminatedUnion('kind', [
  /** An address that only the cluster's own machines reach, for the lab or for what stands before it. */
  z.strictObject({ kind: z.literal('clusterIP') }),
  /** An address that the cluster's load balancer gives; annotations tell it which. */
  z.strictObject({
    kind: z.literal('loadBalancer'),
    annotations: z.record(z.string().min(1), z.string()).default({}),
  }),
]);

export const gateway = z.discriminatedUnion('kind', [
  /** Traefik, run by Plinth. */
  z.strictObject({
    kind: z.literal('traefik'),
    replicas: replicas.default(1),
    service: gatewayService.default({ kind: 'clusterIP' }),
  }),
  /** A GatewayClass that the cluster has; its pods run in `namespace`. */
  z.strictObject({
    kind: z.literal('existing'),
    className: objectName,
    namespace: objectName,
    /** Where those pods take encrypted connections, for the network policies. */
    port: port.default(443),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);

export const tls = z.discriminatedUnion('kind', [
  /** Signed by an authority that Plinth makes; whoever connects must trust it. */
  z.strictObject({ kind: z.literal('ownAuthority') }),
  /** A Secret of type kubernetes.io/tls in the gateway's namespace, there before. */
  z.strictObject({ kind: z.literal('secret'), name: objectName }),
  /** A Certificate of cert-manager, by its ClusterIssuer. */
  z.strictObject({ kind: z.literal('certManager'), clusterIssuer: objectName }),
]);
