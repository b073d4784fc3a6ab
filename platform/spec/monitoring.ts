import { z } from 'zod';
import { cidr, gibibytes, objectName, port } from './values.ts';

const receiver = z.strictObject({
  name: objectName,
  /** Secret in namespace `monitoring` with the receiver's https address under `url`, there before. */
  secret: objectName,
  /** Addresses of the receiver, for the network policies. */
  cidr,
  port: port.default(443),
  /** `watchdog`: only the alert that always fires, for a service that misses it when it stops. */
  alerts: z.enum(['all', 'critical', 'watchdog']).default('all'),
});

const different = (names: readonly string[]): boolean => new Set(names).size === names.length;

export const monitoring = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('on'),
    storageGiB: gibibytes.default(20),
    /** Limit of Prometheus, which holds the series of the last hours in memory; a quarter is asked for. */
    memoryGiB: gibibytes.default(1),
    /** Older series go, and younger ones too when the storage is full. */
    retentionDays: z.int().min(1).max(3650).default(15),
    /**
     * Addresses of the nodes, whose kubelets are then asked about containers and volumes. Their certificates must be
     * signed by the cluster's own authority. Unset: they aren't asked.
     */
    nodeCidr: cidr.optional(),
    /** Web addresses that are told of alerts; without any, alerts show in Alertmanager only. */
    receivers: z
      .array(receiver)
      .refine((all) => different(all.map(({ name }) => name)) && different(all.map(({ secret }) => secret)), {
        error: 'receivers with a name and a Secret each | rename, or join two into one',
      })
      .default([]),
  }),
  z.strictObject({ kind: z.literal('off') }),
]);
