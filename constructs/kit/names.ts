import { createHash } from 'node:crypto';

/** Labels every object of a workload carries; the first three select its pods and never change. */
export const podLabels = (name: string, component: string): Record<string, string> => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/part-of': 'plinth',
});

/** The first eight hex digits of a value's SHA-256: names Jobs and tells when a file's content changed. */
export const shortHash = (content: unknown): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 8);
