export * from './admission-policy.ts';
export * from './batch-job.ts';
export * from './chart.ts';
export * from './custom-objects.ts';
export * from './data-volume.ts';
export * from './files.ts';
export * from './http-service.ts';
export * from './model-objects-policy.ts';
export * from './names.ts';
export { defaultDeny, networkPolicySpec, policyPeer } from './network-policy.ts';
export * from './own-service.ts';
export {
  type ContainerProps,
  envVar,
  folderMount,
  type Mount,
  type PodProps,
  type Probe,
  podSpec,
  type Question,
  type VolumeSource,
} from './pod.ts';
export * from './pods.ts';
export * from './role.ts';
export type { ServiceReach } from './service.ts';
export * from './sign-in-proxy.ts';
export * from './size.ts';
export * from './spread.ts';
export * from './stateful-service.ts';
