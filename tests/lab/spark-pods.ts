import { kubectl, kubectlJson, type PodList } from './support.ts';

const label = 'spark.plinth.dev/client';

/** Names of the pods of Spark's roles (`driver`, `executor`) that a team has. */
export const sparkPods = async (team: string, ...roles: readonly string[]): Promise<readonly string[]> => {
  const selector = `app.kubernetes.io/name in (${roles.map((role) => `spark-${role}`).join(',')})`;
  const { items } = await kubectlJson<PodList>(['get', 'pods', '-n', team, '-l', selector]);
  return items.map(({ metadata }) => metadata.name);
};

/** Drivers and tokens of the sessions of one pod, which executors don't outlive. */
export const leftOf = async (team: string, client: string): Promise<readonly string[]> => {
  const { items } = await kubectlJson<PodList>(['get', 'pods,secrets', '-n', team, '-l', label]);
  return items
    .filter(({ metadata }) => metadata.ownerReferences?.some(({ name }) => name === client))
    .map(({ metadata }) => metadata.name);
};

/** Driver, executors and token of a team's sessions; an application's driver stays to be read. */
export const leftOfSessions = async (team: string): Promise<readonly string[]> => {
  const found = await kubectl(['get', 'pods,secrets', '-n', team, '-l', label, '-o', 'name']);
  return [...found.split('\n').filter(Boolean), ...(await sparkPods(team, 'executor'))];
};
