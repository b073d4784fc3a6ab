import { Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-27';
import { image } from '../catalogue/index.ts';
import {
  type BucketAccess,
  type EnvSource,
  field,
  type SecretFolder,
  storageEnv,
  value,
} from '../contracts/index.ts';
import { type ContainerProps, folderMount, type Pods } from '../kit/index.ts';
import { containers, folder, ports } from './settings.ts';

/** A manifest as it is written into a file: whoever fills it in isn't TypeScript. */
export type Json = Readonly<Record<string, unknown>>;

/** Nobody rolls what runs from a template, so it carries no annotation that would. */
const asJson = (pods: Pods, container: ContainerProps, more: Partial<k8s.PodSpec>): Json => {
  const { metadata, spec } = pods.template([container], { restartPolicy: 'Never', ...more });
  return k8s.toJson_PodTemplateSpec({ metadata: { labels: metadata?.labels ?? {} }, spec }) as Json;
};

const settingsMount = {
  path: folder,
  from: { kind: 'foreignFiles', name: 'spark-settings' },
  readOnly: true,
} as const;

/** What Spark itself sets is what it computes from the settings: image, arguments, resources. */
const placeholder = { cpu: Cpu.millis(100), memory: Size.mebibytes(512) };

export const executorTemplate = (executor: Pods, access: BucketAccess<'readWrite'>): Json =>
  asJson(
    executor,
    {
      name: containers.executor,
      image: image('spark'),
      env: { ...storageEnv(access), HOME: value('/tmp') },
      size: placeholder,
    },
    {},
  );

export interface DriverTemplateProps {
  readonly driver: Pods;
  readonly access: BucketAccess<'readWrite'>;
  readonly seconds: number;
  /** With which the program reaches what else the team has. */
  readonly env: Readonly<Record<string, EnvSource>>;
  readonly folders: readonly SecretFolder[];
}

/** The driver of an application, in the words of its pod template. */
export const driverTemplate = ({ driver, access, seconds, env, folders }: DriverTemplateProps): Json =>
  asJson(
    driver,
    {
      name: containers.driver,
      image: image('spark'),
      env: { ...storageEnv(access), ...env, HOME: value('/tmp') },
      ports: { ui: ports.ui },
      size: placeholder,
      mounts: folders.map(folderMount),
    },
    { activeDeadlineSeconds: seconds },
  );

/** The driver of a session: a Spark Connect server for one client, which adds its name, owner, token and wishes. */
export const sessionPod = (driver: Pods, access: BucketAccess<'readWrite'>, cpu: Cpu): Json => ({
  apiVersion: 'v1',
  kind: 'Pod',
  ...asJson(
    driver,
    {
      name: containers.driver,
      image: image('spark'),
      command: ['/usr/bin/tini', '-s', '--', 'spark-start', 'connect'],
      env: { ...storageEnv(access), HOME: value('/tmp'), POD_IP: field('status.podIP') },
      ports: { connect: ports.connect, ui: ports.ui },
      size: { cpu, memory: Size.mebibytes(768), memoryLimit: Size.mebibytes(1280) },
      mounts: [settingsMount],
      // On a node whose cores are busy, starting Java takes minutes.
      probe: { kind: 'tcp', port: ports.connect, seconds: 5, startSeconds: 600 },
    },
    {},
  ),
});
