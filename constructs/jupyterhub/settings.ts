import type { Size } from 'cdk8s';
import type { Cpu } from 'cdk8s-plus-27';
import { type PinnedImage, reference } from '../catalogue/index.ts';
import {
  administrators,
  type EnvSource,
  type IssuerTrust,
  notebookImageLabel,
  type RegistryAccess,
  type SecretFolder,
  type SecretRef,
  type TeamSpace,
} from '../contracts/index.ts';
import { type ClusterChoices, type DataHome, envVar, podLabels } from '../kit/index.ts';
import type { HubService } from './services.ts';

/** How large a server may be that people choose. Memory is what it asks for and what it is held to. */
export interface ServerSize {
  readonly name: string;
  /** What it asks for; it may use what is idle. */
  readonly cpu: Cpu;
  readonly memory: Size;
}

/** A device that a server may have, by the name under which nodes offer it. */
export interface Accelerator {
  readonly name: string;
  readonly resource: string;
  readonly count: number;
}

export interface ServerImage {
  readonly name: string;
  readonly image: PinnedImage;
}

/** What all teams have in common. */
export interface NotebookSettings {
  readonly sizes: readonly ServerSize[];
  readonly images: readonly ServerImage[];
  readonly accelerators: readonly Accelerator[];
  /** Size of a person's home, one per team. Whole GiB. */
  readonly home: Size;
  /** A server that nobody uses for this long is stopped; one whose kernel computes is used. */
  readonly idleMinutes: number;
  /** Hours after which a server is stopped even in use; 0: never. */
  readonly maxHours: number;
}

/** What a pod of a team is given, so that the platform's parts work in it without set-up. */
export interface Workspace {
  readonly env: Readonly<Record<string, EnvSource>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Secrets of the team's namespace, each mounted as a folder. */
  readonly folders?: readonly SecretFolder[];
  /** ConfigMaps of the team's namespace, each mounted read-only. */
  readonly files?: readonly { readonly configMap: string; readonly path: string }[];
  /** A ServiceAccount whose token is mounted; unset: one without rights, and no token. */
  readonly serviceAccount?: string;
  /** Of the gateway's certificate, where programs must be given it. */
  readonly authority?: SecretRef<'ca.crt'>;
}

/** One team's notebooks. */
export interface TeamNotebooks {
  readonly team: TeamSpace & { readonly home: DataHome };
  readonly workspace: Workspace;
  /** Where its own images are; which there are is told by ConfigMaps of its namespace. */
  readonly registry?: RegistryAccess;
  /** Names of sizes and accelerators that its members may choose. */
  readonly sizes: readonly string[];
  readonly accelerators: readonly string[];
  /** Servers that one member may run at once. */
  readonly servers: number;
  /** Volume that all servers of the team mount. */
  readonly shared?: { readonly size: Size; readonly acrossNodes: boolean };
}

export const userPort = 8888;
export const hubPorts = { http: 8081, metrics: 8082 };
export const proxyPorts = { http: 8000, api: 8001, metrics: 8002 };
/** Person's files, also where they are mounted. */
export const homeFolder = '/home/notebook';
export const authorityFile = '/etc/plinth/oidc/ca.crt';
export const notebookName = 'notebook';
export const sharedClaim = 'shared';
/** The claims of a team's members, which the hub makes: what `confirmDataLoss` calls them together. */
export const homesData = 'homes';
export const component = 'jupyterhub';

/** How long everybody's access may be out of date: much less than five minutes, with time for servers to stop. */
const accessSeconds = 60;
const startSeconds = 300;

/** KubeSpawner takes a plain value as it is, and for any other what Kubernetes takes. */
const spawnerEnv = (variable: readonly [string, EnvSource]) => {
  const [name, source] = variable;
  return [name, source.kind === 'value' ? source.value : envVar(variable)] as const;
};

const environment = (idleMinutes: number): Readonly<Record<string, string>> => ({
  HOME: homeFolder,
  JUPYTER_RUNTIME_DIR: '/tmp/jupyter',
  IPYTHONDIR: '/tmp/ipython',
  MPLCONFIGDIR: '/tmp/matplotlib',
  PLINTH_KERNEL_IDLE_SECONDS: String(idleMinutes * 60),
  // How often a server tells the hub that it is in use. Five minutes unless told, and that is the shortest `idleMinutes`.
  JUPYTERHUB_ACTIVITY_INTERVAL: '60',
});

/** A volume of a team's servers, and where it is mounted. */
const volumesOf = ({ workspace, shared }: TeamNotebooks) => {
  const { authority, folders = [], files = [] } = workspace;
  const places: { readonly source: Readonly<Record<string, unknown>>; readonly path: string }[] = [
    ...(authority === undefined
      ? []
      : [
          {
            source: { secret: { secretName: authority.name, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            path: '/etc/plinth/authority',
          },
        ]),
    ...folders.map(({ secret, path, optional }) => ({
      source: { secret: { secretName: secret, optional: optional ?? false } },
      path,
    })),
    ...files.map(({ configMap, path }) => ({ source: { configMap: { name: configMap } }, path })),
  ];
  const own = places.map(({ source, path }, index) => ({ name: `team-${index + 1}`, source, path }));
  const sharedVolume = { name: sharedClaim, persistentVolumeClaim: { claimName: sharedClaim } };
  const sharedMount = { name: sharedClaim, mountPath: `${homeFolder}/${sharedClaim}` };
  return {
    volumes: [
      ...own.map(({ name, source }) => ({ name, ...source })),
      ...(shared === undefined ? [] : [sharedVolume]),
    ],
    mounts: [
      ...own.map(({ name, path }) => ({ name, mountPath: path, readOnly: true })),
      ...(shared === undefined ? [] : [sharedMount]),
    ],
  };
};

const teamSettings = (notebooks: TeamNotebooks, settings: NotebookSettings) => {
  const { team, workspace } = notebooks;
  return {
    name: team.name,
    namespace: team.namespace,
    serviceAccount: workspace.serviceAccount ?? notebookName,
    usesKubernetesApi: workspace.serviceAccount !== undefined,
    labels: workspace.labels ?? {},
    env: {
      ...environment(settings.idleMinutes),
      ...Object.fromEntries(Object.entries(workspace.env).map(spawnerEnv)),
    },
    ...volumesOf(notebooks),
    sizes: notebooks.sizes,
    accelerators: ['none', ...notebooks.accelerators],
    images: settings.images.map(({ name }) => name),
    ownImages:
      notebooks.registry === undefined
        ? null
        : { repositories: notebooks.registry.repositories, pullSecret: notebooks.registry.secret.name },
    servers: notebooks.servers,
  };
};

export interface HubSettingsProps {
  readonly publicUrl: string;
  readonly hubUrl: string;
  readonly proxyUrl: string;
  readonly issuer: IssuerTrust & { readonly clientId: string };
  readonly settings: NotebookSettings;
  readonly teams: readonly TeamNotebooks[];
  readonly services: readonly HubService[];
  readonly cluster: ClusterChoices;
}

/** platform.json, which files/jupyterhub_config.py reads. */
export const hubSettings = (props: HubSettingsProps) => {
  const { issuer, settings, teams } = props;
  return {
    publicUrl: props.publicUrl,
    hubUrl: props.hubUrl,
    proxyUrl: props.proxyUrl,
    ports: { hub: hubPorts.http, metrics: hubPorts.metrics },
    issuer: {
      url: issuer.issuer,
      clientId: issuer.clientId,
      authority: issuer.authority === undefined ? null : authorityFile,
    },
    administrators,
    accessSeconds,
    startSeconds,
    idleSeconds: settings.idleMinutes * 60,
    maxAgeSeconds: settings.maxHours * 3600,
    homeGiB: settings.home.toGibibytes(),
    storageClass: props.cluster.storageClass ?? null,
    pullSecrets: props.cluster.imagePullSecret === undefined ? [] : [props.cluster.imagePullSecret],
    serversPerPerson: Math.max(...teams.map(({ servers }) => servers)),
    podLabels: podLabels(notebookName, component),
    sizes: settings.sizes.map(({ name, cpu, memory }) => ({
      name,
      title: `${name}: ${memory.toGibibytes({ rounding: undefined })} GiB of memory`,
      cpu: Number.parseInt(cpu.amount, 10) / 1000,
      memoryMiB: memory.toMebibytes(),
    })),
    images: settings.images.map(({ name, image }) => ({
      name,
      title: name,
      image: reference(image, props.cluster.imageRegistry),
    })),
    accelerators: [
      { name: 'none', title: 'none' },
      ...settings.accelerators.map((each) => ({ ...each, title: `${each.name} (${each.count})` })),
    ],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: '4Gi' } },
      // Libraries that work with several processes share memory here; it counts as the server's.
      { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '512Mi' } },
    ],
    mounts: [
      { name: 'home', mountPath: homeFolder },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'shm', mountPath: '/dev/shm' },
    ],
    imageLabel: notebookImageLabel,
    teams: teams.map((each) => teamSettings(each, settings)),
    services: props.services.map(({ name, scopes }) => ({ name, scopes })),
  };
};
