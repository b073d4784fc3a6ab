import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { below, podGroups } from '../../lab/kubernetes/processes.ts';
import { kubectlJson } from './support.ts';

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Gone meanwhile.
    return '';
  }
};

/** Processes of a pod's containers, without that which only holds its network. */
const processesOf = (uid: string): readonly number[] => {
  const groups = podGroups()
    .flatMap(below)
    .filter((folder) => basename(dirname(folder)) === `pod${uid}`);
  const pids = groups.flatMap((folder) => read(join(folder, 'cgroup.procs')).split('\n').map(Number));
  return [...new Set(pids)].filter((pid) => pid > 0 && read(`/proc/${pid}/comm`).trim() !== 'pause');
};

/** SIGKILL from outside, as the kernel does it when memory is short: nothing is drained or said. */
export const killProcesses = async (namespace: string, pod: string): Promise<void> => {
  const { metadata } = await kubectlJson<{ readonly metadata: { readonly uid: string } }>([
    ...['get', 'pod', pod, '-n', namespace],
  ]);
  const pids = processesOf(metadata.uid);
  if (pids.length === 0) throw new Error(`pod ${namespace}/${pod} has no process here`);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
};
