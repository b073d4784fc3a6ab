import type { App } from 'cdk8s';
import { SecretRequest } from '../../constructs/contracts/index.ts';
import { type Manifest, type SynthesizedChart, synthesize } from '../synthesis/index.ts';
import { containersOf, type PodSpec, podSpecOf, referencesOf } from './pods.ts';

interface Placed {
  readonly path: string;
  readonly manifest: Manifest;
}

/** What there is in a namespace to refer to, by `Kind namespace/name`: its keys, or null where any key may be. */
type Known = ReadonlyMap<string, ReadonlySet<string> | null>;

const keyOf = (kind: string, namespace: string | undefined, name: string): string =>
  `${kind} ${namespace ?? ''}/${name}`;

const keysOf = (manifest: Manifest): ReadonlySet<string> | null => {
  if (manifest.kind !== 'ConfigMap') return null;
  return new Set([manifest['data'], manifest['binaryData']].flatMap((data) => Object.keys(data ?? {})));
};

const knownIn = (app: App, objects: readonly Placed[]): Known => {
  const known = new Map<string, ReadonlySet<string> | null>();
  for (const { manifest } of objects)
    known.set(keyOf(manifest.kind, manifest.metadata.namespace, manifest.metadata.name), keysOf(manifest));
  for (const construct of app.node.findAll()) {
    if (!SecretRequest.isSecretRequest(construct)) continue;
    const { namespace, name, values } = construct.request;
    known.set(keyOf('Secret', namespace, name), new Set(Object.keys(values)));
  }
  return known;
};

const checkPods = ({ path, manifest }: Placed, pods: PodSpec, known: Known): readonly string[] => {
  const { namespace } = manifest.metadata;
  const mistakes: string[] = [];
  const lacks = (kind: string, name: string): boolean => !known.has(keyOf(kind, namespace, name));
  for (const { kind, name, keys } of referencesOf(pods)) {
    if (lacks(kind, name)) {
      mistakes.push(`${path}: reads ${kind} ${namespace}/${name}, which nothing makes or asks for`);
      continue;
    }
    const there = known.get(keyOf(kind, namespace, name));
    const missing = keys.filter((key) => there instanceof Set && !there.has(key));
    if (missing.length > 0)
      mistakes.push(
        `${path}: reads ${missing.join(', ')} of ${kind} ${namespace}/${name}, expected one of ${[...(there ?? [])].join(', ')}`,
      );
  }
  for (const { persistentVolumeClaim } of pods.volumes ?? [])
    if (persistentVolumeClaim && lacks('PersistentVolumeClaim', persistentVolumeClaim.claimName))
      mistakes.push(
        `${path}: mounts claim ${namespace}/${persistentVolumeClaim.claimName}, which nothing makes`,
      );
  const account = pods.serviceAccountName ?? 'default';
  if (account !== 'default' && lacks('ServiceAccount', account))
    mistakes.push(`${path}: runs as ServiceAccount ${namespace}/${account}, which nothing makes`);
  const volumes = new Set((pods.volumes ?? []).map(({ name }) => name));
  for (const { name, image = '', volumeMounts = [] } of containersOf(pods)) {
    if (!/@sha256:[0-9a-f]{64}$|:[\w][\w.-]*$/.test(image) || image.endsWith(':latest'))
      mistakes.push(
        `${path}: container ${name} runs ${image || 'no image'}, expected a pinned tag or a digest`,
      );
    for (const mount of volumeMounts)
      if (!volumes.has(mount.name))
        mistakes.push(`${path}: container ${name} mounts ${mount.name}, which is no volume of its pod`);
  }
  return mistakes;
};

const checkObject = (placed: Placed, known: Known): readonly string[] => {
  const { path, manifest } = placed;
  const mistakes: string[] = [];
  const { namespace } = manifest.metadata;
  if (
    namespace !== undefined &&
    namespace !== 'kube-system' &&
    !known.has(keyOf('Namespace', undefined, namespace))
  )
    mistakes.push(`${path}: is in namespace ${namespace}, which nothing makes`);
  if (manifest.kind === 'Secret')
    mistakes.push(
      `${path}: a Secret in the tree shows its values to everyone; ask for it by a SecretRequest`,
    );
  if (
    (manifest['spec'] as { volumeClaimTemplates?: unknown } | undefined)?.volumeClaimTemplates !== undefined
  )
    mistakes.push(`${path}: has volumeClaimTemplates, whose claims nobody reviews; use a DataVolume`);
  const pods = podSpecOf(manifest);
  return pods === undefined ? mistakes : [...mistakes, ...checkPods(placed, pods, known)];
};

/**
 * Everything in a finished tree that can't work or mustn't be, each with the path of its construct: references to
 * what isn't there, values of secrets, claims by template, images that aren't pinned. Changes nothing.
 */
export const checkTree = (
  app: App,
  charts: readonly SynthesizedChart[] = synthesize(app),
): readonly string[] => {
  const objects = charts.flatMap((chart) => chart.objects);
  const known = knownIn(app, objects);
  return objects.flatMap((placed) => checkObject(placed, known));
};
