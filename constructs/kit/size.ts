import type { Size } from 'cdk8s';
import type { k8s } from 'cdk8s-plus-27';
import { k8s as api, type Cpu } from 'cdk8s-plus-27';

/** What a container asks for and is held to. Memory is limited to what it asks for; CPU may burst. */
export interface ResourceSize {
  readonly cpu: Cpu;
  readonly memory: Size;
  /** Unset: a container may use what is idle. */
  readonly cpuLimit?: Cpu;
  /** Unset: as much as it asks for. */
  readonly memoryLimit?: Size;
}

const quantity = (text: string): k8s.Quantity => api.Quantity.fromString(text);
const mebibytes = (size: Size): k8s.Quantity => quantity(`${size.toMebibytes()}Mi`);

export const resources = (size: ResourceSize): k8s.ResourceRequirements => ({
  requests: { cpu: quantity(size.cpu.amount), memory: mebibytes(size.memory) },
  limits: {
    ...(size.cpuLimit === undefined ? {} : { cpu: quantity(size.cpuLimit.amount) }),
    memory: mebibytes(size.memoryLimit ?? size.memory),
  },
});

export const storage = (size: Size): k8s.Quantity => quantity(`${size.toGibibytes()}Gi`);
