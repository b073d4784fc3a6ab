import { join } from 'node:path';
import { cached, contentKey } from '../../lab/support/cache.ts';
import { run } from '../../lab/support/exec.ts';
import { goEnvironment, goTool } from '../../lab/support/go.ts';
import type { Manifest, SynthesizedChart } from '../../platform/synthesis/index.ts';

const source = join(import.meta.dirname, '../psa');

/** What Kubernetes' Pod Security admission would refuse. */
export interface Refusal {
  readonly path: string;
  readonly level: string;
  readonly reasons: readonly string[];
}

export interface PodTemplate {
  /** Construct path of the object that the pods come from. */
  readonly path: string;
  /** What the namespace enforces. */
  readonly level: string;
  readonly template: object;
}

type Nested = { readonly [field: string]: Nested | undefined };

/** Where each kind keeps its pod template; a Pod is one. */
const templateOf = (manifest: Manifest): Nested | undefined => {
  const spec = manifest['spec'] as Nested | undefined;
  switch (manifest.kind) {
    case 'Pod':
      return manifest as unknown as Nested;
    case 'CronJob':
      return spec?.['jobTemplate']?.['spec']?.['template'];
    case 'DaemonSet':
    case 'Deployment':
    case 'Job':
    case 'ReplicaSet':
    case 'StatefulSet':
      return spec?.['template'];
    default:
      return undefined;
  }
};

/** Namespaces and the level that their label has admission enforce; `privileged`, which is no limit, without one. */
export const enforcedLevels = (charts: readonly SynthesizedChart[]): ReadonlyMap<string, string> => {
  const namespaces = charts
    .flatMap(({ objects }) => objects.map(({ manifest }) => manifest))
    .filter(({ kind }) => kind === 'Namespace');
  return new Map(
    namespaces.map(({ metadata }) => {
      const labels = (metadata as { labels?: Readonly<Record<string, string>> }).labels ?? {};
      return [metadata.name, labels['pod-security.kubernetes.io/enforce'] ?? 'privileged'];
    }),
  );
};

/** Every pod template of a platform. */
export const podTemplates = (charts: readonly SynthesizedChart[]): readonly PodTemplate[] => {
  const levels = enforcedLevels(charts);
  return charts.flatMap(({ objects }) =>
    objects.flatMap(({ path, manifest }) => {
      const template = templateOf(manifest);
      const level = levels.get(manifest.metadata.namespace ?? '') ?? 'privileged';
      return template === undefined ? [] : [{ path, level, template }];
    }),
  );
};

/** Builds tests/psa, once for all checkouts. */
export const buildJudge = async (): Promise<string> => {
  const folder = await cached('psa', contentKey([source]), async (fresh) => {
    const command = [goTool(), 'build', '-o', join(fresh, 'psa'), '.'];
    await run(command, { cwd: source, env: goEnvironment() });
  });
  return join(folder, 'psa');
};

/** Asks Kubernetes' own code, built by `buildJudge`. */
export const refusals = async (
  judge: string,
  templates: readonly PodTemplate[],
): Promise<readonly Refusal[]> =>
  JSON.parse(await run([judge], { input: JSON.stringify(templates) })) as readonly Refusal[];
