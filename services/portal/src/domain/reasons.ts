import type { ContainerStatus, Pod } from '../upstreams/objects.ts';

const starting = new Set(['PodInitializing', 'ContainerCreating', '']);
const unpulled = new Set(['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull']);
const misconfigured = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']);

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

/** How a process ended, in words that need no table of signals. */
const ending = ({ exitCode, reason }: { readonly exitCode: number; readonly reason: string }): string => {
  if (reason === 'OOMKilled') return 'it took more memory than it may have';
  if (exitCode === 137) return 'it was killed (137)';
  if (exitCode === 143) return 'it was told to stop (143)';
  return `it ended with ${exitCode}`;
};

/** Why a container isn't ready, as a sentence without its end; undefined for one that is well or still starting. */
export const containerReason = (container: ContainerStatus): string | undefined => {
  const { image, ready, restartCount, state, lastState } = container;
  const last = state.terminated ?? lastState.terminated;
  const reason = state.waiting?.reason ?? '';
  if (unpulled.has(reason)) return `its image can't be pulled: ${image}`;
  if (misconfigured.has(reason)) return `it can't be started: ${state.waiting?.message || reason}`;
  if (reason === 'CrashLoopBackOff') {
    const why = last === undefined ? 'it ended' : ending(last);
    return `it doesn't stay up: ${why}, and was started again ${times(restartCount)}`;
  }
  if (!starting.has(reason)) return state.waiting?.message || reason;
  if (state.terminated !== undefined && state.terminated.exitCode !== 0) return ending(state.terminated);
  if (state.running !== undefined && !ready)
    return restartCount === 0
      ? "it runs, but doesn't answer that it is ready"
      : `it runs, but isn't ready; it was started again ${times(restartCount)}, the last time because ${
          last === undefined ? 'it ended' : ending(last)
        }`;
  return undefined;
};

/** Why a pod isn't ready, most telling first; empty while it just starts. */
export const podReasons = ({ status }: Pod): readonly string[] => {
  const unscheduled = status.conditions.find(
    ({ type, status: value }) => type === 'PodScheduled' && value === 'False',
  );
  if (unscheduled !== undefined)
    return [`no machine has room for it: ${unscheduled.message || unscheduled.reason}`];
  if (status.reason === 'Evicted') return [`it was evicted: ${status.message}`];
  return [...status.initContainerStatuses, ...status.containerStatuses].flatMap((container) => {
    const reason = containerReason(container);
    return reason === undefined ? [] : [reason];
  });
};
