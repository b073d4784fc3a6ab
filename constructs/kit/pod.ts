import { Size } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { type PinnedImage, reference } from '../catalogue/index.ts';
import type { EnvSource, SecretFolder } from '../contracts/index.ts';
import type { ClusterChoices } from './chart.ts';
import type { DataVolume } from './data-volume.ts';
import type { ConfigFiles } from './files.ts';
import { type ResourceSize, resources } from './size.ts';

/** What a container may mount. Pods get their volumes from their containers' mounts. */
export type VolumeSource =
  | { readonly kind: 'scratch'; readonly name: string; readonly limit: Size }
  | { readonly kind: 'files'; readonly files: ConfigFiles }
  | { readonly kind: 'secret'; readonly secret: { readonly name: string }; readonly optional?: boolean }
  /** A ConfigMap that somebody else keeps; the pod starts without it and doesn't roll when it changes. */
  | { readonly kind: 'foreignFiles'; readonly name: string }
  | { readonly kind: 'claim'; readonly claim: DataVolume };

export interface Mount {
  readonly path: string;
  readonly from: VolumeSource;
  readonly readOnly?: boolean;
}

/** A folder that a grant names, as a mount. */
export const folderMount = ({ path, secret, optional }: SecretFolder): Mount => ({
  path,
  from: { kind: 'secret', secret: { name: secret }, ...(optional === undefined ? {} : { optional }) },
  readOnly: true,
});

/** What the kubelet asks a container. */
export type Question =
  | { readonly kind: 'http'; readonly port: number; readonly path: string }
  | { readonly kind: 'tcp'; readonly port: number }
  | { readonly kind: 'command'; readonly command: readonly string[] };

/** How the kubelet asks a container how it is, every so many `seconds`; a start may take `startSeconds`. */
export type Probe = Question & {
  readonly seconds?: number;
  readonly startSeconds?: number;
  /** What liveness asks in its place, where the answer depends on others: a restart wouldn't bring those back. */
  readonly liveness?: Question;
};

export interface ContainerProps {
  readonly name: string;
  readonly image: PinnedImage;
  /** Unset: the image's own entry point. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, EnvSource>>;
  /** Port names and numbers. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly size: ResourceSize;
  readonly mounts?: readonly Mount[];
  /** Readiness, and a start-up time of four minutes before it counts; liveness is asked a third as often. */
  readonly probe?: Probe;
}

const volumeName = (source: VolumeSource): string => {
  switch (source.kind) {
    case 'scratch':
      return source.name;
    case 'files':
      return source.files.name;
    case 'secret':
      return source.secret.name;
    case 'foreignFiles':
      return source.name;
    case 'claim':
      return source.claim.name;
    default:
      return source satisfies never;
  }
};

const volume = (source: VolumeSource): k8s.Volume => {
  const name = volumeName(source);
  switch (source.kind) {
    case 'scratch':
      return { name, emptyDir: { sizeLimit: k8s.Quantity.fromString(`${source.limit.toMebibytes()}Mi`) } };
    case 'files':
      return { name, configMap: { name } };
    case 'secret':
      return { name, secret: { secretName: name, defaultMode: 0o440, optional: source.optional } };
    case 'foreignFiles':
      return { name, configMap: { name, optional: true } };
    case 'claim':
      return { name, persistentVolumeClaim: { claimName: name } };
    default:
      return source satisfies never;
  }
};

/** How a container is told where the value of a variable comes from. */
export const envVar = ([name, source]: readonly [string, EnvSource]): k8s.EnvVar => {
  switch (source.kind) {
    case 'value':
      return { name, value: source.value };
    case 'secret':
      return { name, valueFrom: { secretKeyRef: { name: source.secret, key: source.key } } };
    case 'field':
      return { name, valueFrom: { fieldRef: { fieldPath: source.path } } };
    default:
      return source satisfies never;
  }
};

const handler = (probe: Question): k8s.Probe => {
  switch (probe.kind) {
    case 'http':
      return { httpGet: { path: probe.path, port: k8s.IntOrString.fromNumber(probe.port) } };
    case 'tcp':
      return { tcpSocket: { port: k8s.IntOrString.fromNumber(probe.port) } };
    case 'command':
      return { exec: { command: [...probe.command] } };
    default:
      return probe satisfies never;
  }
};

const asked = (question: Question): k8s.Probe => ({
  ...handler(question),
  timeoutSeconds: question.kind === 'command' ? 10 : 5,
});

const probes = (probe: Probe): Partial<k8s.Container> => {
  const every = probe.seconds ?? 10;
  return {
    startupProbe: {
      ...asked(probe),
      periodSeconds: 2,
      failureThreshold: Math.ceil((probe.startSeconds ?? 240) / 2),
    },
    readinessProbe: { ...asked(probe), periodSeconds: every },
    livenessProbe: { ...asked(probe.liveness ?? probe), periodSeconds: every * 3, failureThreshold: 5 },
  };
};

const tmp = (container: string): Mount => ({
  path: '/tmp',
  from: { kind: 'scratch', name: `tmp-${container}`, limit: Size.gibibytes(1) },
});

const mounts = (props: ContainerProps): readonly Mount[] => [tmp(props.name), ...(props.mounts ?? [])];

/** The volumes that these containers mount, each once. */
const volumes = (containers: readonly ContainerProps[]): k8s.Volume[] => {
  const found = new Map<string, k8s.Volume>();
  for (const { from } of containers.flatMap(mounts)) found.set(volumeName(from), volume(from));
  return [...found.values()];
};

/** A container that Pod Security `restricted` accepts, with a writable /tmp and nothing else to write to. */
const container = (props: ContainerProps, registry: string | undefined): k8s.Container => ({
  name: props.name,
  image: reference(props.image, registry),
  imagePullPolicy: 'IfNotPresent',
  command: props.command === undefined ? undefined : [...props.command],
  env: Object.entries(props.env ?? {}).map(envVar),
  ports: Object.entries(props.ports ?? {}).map(([name, containerPort]) => ({ name, containerPort })),
  resources: resources(props.size),
  securityContext: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
  },
  volumeMounts: mounts(props).map((mount) => ({
    name: volumeName(mount.from),
    mountPath: mount.path,
    readOnly: mount.readOnly,
  })),
  ...(props.probe === undefined ? {} : probes(props.probe)),
});

export interface PodProps {
  readonly serviceAccount: string;
  readonly userId?: number;
  /** Mounts a token of the ServiceAccount. */
  readonly usesKubernetesApi?: boolean;
  readonly graceSeconds?: number;
  /** Run one after the other, each to its end, before the others start. */
  readonly before?: readonly ContainerProps[];
}

const defaultUserId = 10_001;

/** A pod that Pod Security `restricted` accepts, whoever makes it. */
export const podSpec = (
  props: PodProps,
  containers: readonly ContainerProps[],
  cluster: ClusterChoices,
): k8s.PodSpec => {
  const { before = [], userId = defaultUserId } = props;
  const { imageRegistry: registry, imagePullSecret } = cluster;
  return {
    serviceAccountName: props.serviceAccount,
    automountServiceAccountToken: props.usesKubernetesApi ?? false,
    enableServiceLinks: false,
    ...(imagePullSecret === undefined ? {} : { imagePullSecrets: [{ name: imagePullSecret }] }),
    terminationGracePeriodSeconds: props.graceSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: userId,
      runAsGroup: userId,
      fsGroup: userId,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(before.length === 0 ? {} : { initContainers: before.map((each) => container(each, registry)) }),
    containers: containers.map((each) => container(each, registry)),
    volumes: volumes([...before, ...containers]),
  };
};
