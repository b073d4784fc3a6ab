import { z } from 'zod';

// What is read of Kubernetes' objects, and nothing else of them.

const meta = z.object({
  name: z.string(),
  namespace: z.string().default(''),
  uid: z.string().default(''),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  ownerReferences: z.array(z.object({ kind: z.string(), name: z.string(), uid: z.string() })).default([]),
});

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
});

export const workload = z.object({
  metadata: meta,
  spec: z.object({ replicas: z.number().default(1) }).prefault({}),
  status: z
    .object({
      readyReplicas: z.number().default(0),
      updatedReplicas: z.number().default(0),
      conditions: z.array(condition).default([]),
    })
    .prefault({}),
});

export const job = z.object({
  metadata: meta,
  spec: z.object({ completions: z.number().default(1) }).prefault({}),
  status: z
    .object({ succeeded: z.number().default(0), conditions: z.array(condition).default([]) })
    .prefault({}),
});

const ended = z.object({ exitCode: z.number(), reason: z.string().default('') });
const containerStatus = z.object({
  name: z.string(),
  image: z.string().default(''),
  ready: z.boolean().default(false),
  restartCount: z.number().default(0),
  state: z
    .object({
      waiting: z.object({ reason: z.string().default(''), message: z.string().default('') }).optional(),
      running: z.object({}).optional(),
      terminated: ended.optional(),
    })
    .prefault({}),
  lastState: z.object({ terminated: ended.optional() }).prefault({}),
});

export const pod = z.object({
  metadata: meta,
  spec: z.object({ nodeName: z.string().optional() }).prefault({}),
  status: z
    .object({
      phase: z.string().default('Unknown'),
      reason: z.string().default(''),
      message: z.string().default(''),
      conditions: z.array(condition).default([]),
      initContainerStatuses: z.array(containerStatus).default([]),
      containerStatuses: z.array(containerStatus).default([]),
    })
    .prefault({}),
});

const amounts = z.record(z.string(), z.string()).default({});
export const quota = z.object({
  metadata: meta,
  status: z.object({ hard: amounts, used: amounts }).prefault({}),
});

export type Workload = z.output<typeof workload>;
export type Job = z.output<typeof job>;
export type Pod = z.output<typeof pod>;
export type Quota = z.output<typeof quota>;
export type ContainerStatus = z.output<typeof containerStatus>;
