import { z } from 'zod';
import { cidr, gibibytes, hostName, objectName, port } from './values.ts';

export const postgres = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('inCluster'),
    storageGiB: gibibytes.default(10),
    /** Asked for, and the limit. */
    memoryMiB: z.int().min(256).max(1_048_576).default(512),
  }),
  z.strictObject({
    kind: z.literal('external'),
    host: hostName,
    port: port.default(5432),
    /** Addresses of the server, for the network policies. */
    cidr,
    /** Secret in namespace `data` with `username` and `password` of an administrator; unset: all is there before. */
    administratorSecret: objectName.optional(),
    /**
     * Secret with the authority of the server's certificate under `ca.crt`, in namespace `data` and in each of its
     * consumers': the certificate must then be the host's. Unset: encrypted, and not checked.
     */
    authoritySecret: objectName.optional(),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);

export const objectStore = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('inCluster'), storageGiB: gibibytes.default(20) }),
  z.strictObject({
    kind: z.literal('external'),
    host: hostName,
    port: port.default(443),
    region: z.string().min(1),
    cidr,
    /** Secret in namespace `data` whose key may make buckets; unset: buckets are there before. */
    administratorSecret: objectName.optional(),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);
