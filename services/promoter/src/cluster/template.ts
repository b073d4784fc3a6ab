import { z } from 'zod';
import type { Place } from '../control/ports.ts';
import { objectName } from '../domain/desired.ts';

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.enum(['Deployment', 'Service', 'PodDisruptionBudget', 'HorizontalPodAutoscaler']),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    labels: z.record(z.string(), z.string()),
  }),
});

const templates = z.object({
  default: z.array(manifest).min(1),
  models: z.record(z.string(), z.array(manifest).min(1)).default({}),
});

export type Manifest = z.infer<typeof manifest>;
export type Templates = z.infer<typeof templates>;

/** Labels that tell the promoter's objects from what a team deploys by hand. */
export const managed = { 'plinth.dev/managed-by': 'promoter' } as const;
export const modelLabel = 'plinth.dev/model';
export const versionLabel = 'plinth.dev/version';

export const parseTemplates = (text: string): Templates => templates.parse(JSON.parse(text));

const filled = (value: unknown, model: string, version: string): unknown => {
  if (typeof value === 'string')
    return value.replaceAll('{{model}}', model).replaceAll('{{version}}', version);
  if (Array.isArray(value)) return value.map((each) => filled(each, model, version));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, model, version)]));
};

/**
 * The objects of one version, as the platform's template says: this service knows of no pod's inside. Their own labels
 * say whose they are; those of pods and selectors stay as they are. Throws where a template names another object.
 */
export const fill = (all: Templates, { namespace, model }: Place, version: string): readonly Manifest[] =>
  (all.models[model] ?? all.default).map((each) => {
    const made = filled(each, model, version) as Manifest;
    // Whoever can write the template of one team must not reach another's objects, or other ones of its own.
    const expected = `${namespace}/${objectName(model, version)}`;
    const found = `${made.metadata.namespace}/${made.metadata.name}`;
    if (found !== expected)
      throw new Error(`the template of ${namespace} has ${made.kind} ${found} instead of ${expected}`);
    const labels = { ...made.metadata.labels, ...managed, [versionLabel]: version };
    return { ...made, metadata: { ...made.metadata, labels } };
  });
