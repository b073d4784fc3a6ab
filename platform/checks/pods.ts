import type { Manifest } from '../synthesis/index.ts';

type Json = Readonly<Record<string, unknown>>;

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly env?: readonly {
    readonly name: string;
    readonly valueFrom?: {
      readonly secretKeyRef?: KeyReference;
      readonly configMapKeyRef?: KeyReference;
    };
  }[];
  readonly envFrom?: readonly {
    readonly secretRef?: { readonly name: string; readonly optional?: boolean };
    readonly configMapRef?: { readonly name: string; readonly optional?: boolean };
  }[];
  readonly volumeMounts?: readonly { readonly name: string }[];
}

interface KeyReference {
  readonly name: string;
  readonly key: string;
  readonly optional?: boolean;
}

interface Items {
  readonly optional?: boolean;
  readonly items?: readonly { readonly key: string }[];
}

export interface Volume {
  readonly name: string;
  readonly secret?: Items & { readonly secretName: string };
  readonly configMap?: Items & { readonly name: string };
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly projected?: {
    readonly sources?: readonly {
      readonly secret?: Items & { readonly name: string };
      readonly configMap?: Items & { readonly name: string };
    }[];
  };
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
}

const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Json | undefined)?.[key], value);

/** The pods that an object runs, wherever its kind keeps them; undefined where it runs none. */
export const podSpecOf = (manifest: Manifest): PodSpec | undefined => {
  switch (manifest.kind) {
    case 'Pod':
      return manifest['spec'] as PodSpec;
    case 'Deployment':
    case 'StatefulSet':
    case 'DaemonSet':
    case 'ReplicaSet':
    case 'Job':
      return at(manifest, 'spec', 'template', 'spec') as PodSpec | undefined;
    case 'CronJob':
      return at(manifest, 'spec', 'jobTemplate', 'spec', 'template', 'spec') as PodSpec | undefined;
    default:
      return undefined;
  }
};

export const containersOf = ({ containers = [], initContainers = [] }: PodSpec): readonly Container[] => [
  ...initContainers,
  ...containers,
];

/** A Secret or ConfigMap that pods read, and the keys that they name. */
export interface Reference {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
  readonly keys: readonly string[];
}

const reference = (kind: Reference['kind'], name: string, { items = [] }: Items = {}): Reference => ({
  kind,
  name,
  keys: items.map(({ key }) => key),
});

const fromVolume = ({ secret, configMap, projected }: Volume): readonly Reference[] => [
  ...(secret && !secret.optional ? [reference('Secret', secret.secretName, secret)] : []),
  ...(configMap && !configMap.optional ? [reference('ConfigMap', configMap.name, configMap)] : []),
  ...(projected?.sources ?? []).flatMap((source) => [
    ...(source.secret && !source.secret.optional
      ? [reference('Secret', source.secret.name, source.secret)]
      : []),
    ...(source.configMap && !source.configMap.optional
      ? [reference('ConfigMap', source.configMap.name, source.configMap)]
      : []),
  ]),
];

const fromContainer = ({ env = [], envFrom = [] }: Container): readonly Reference[] => [
  ...env.flatMap(({ valueFrom }): readonly Reference[] => {
    const [secret, config] = [valueFrom?.secretKeyRef, valueFrom?.configMapKeyRef];
    if (secret && !secret.optional) return [{ kind: 'Secret', name: secret.name, keys: [secret.key] }];
    if (config && !config.optional) return [{ kind: 'ConfigMap', name: config.name, keys: [config.key] }];
    return [];
  }),
  ...envFrom.flatMap(({ secretRef, configMapRef }) => [
    ...(secretRef && !secretRef.optional ? [reference('Secret', secretRef.name)] : []),
    ...(configMapRef && !configMapRef.optional ? [reference('ConfigMap', configMapRef.name)] : []),
  ]),
];

/** What must be there before these pods start; what is optional isn't among it. */
export const referencesOf = (pods: PodSpec): readonly Reference[] => [
  ...(pods.volumes ?? []).flatMap(fromVolume),
  ...containersOf(pods).flatMap(fromContainer),
];
