import { kubectl, kubectlJson, type PodList } from './support.ts';

/** Names of the pods of Spark's roles (`driver`, `executor`) that a team has. */
export const sparkPods = async (team: string, ...roles: readonly string[]): Promise<readonly string[]> => {
  const selector = `app.kubernetes.io/name in (${roles.map((role) => `spark-${role}`).join(',')})`;
  const { items } = await kubectlJson<PodList>(['get', 'pods', '-n', team, '-l', selector]);
  return items.map(({ metadata }) => metadata.name);
};

/** Driver, executors and token of a team's sessions; an application's driver stays to be read. */
export const leftOfSessions = async (team: string): Promise<readonly string[]> => {
  const label = 'spark.plinth.dev/client';
  const found = await kubectl(['get', 'pods,secrets', '-n', team, '-l', label, '-o', 'name']);
  return [...found.split('\n').filter(Boolean), ...(await sparkPods(team, 'executor'))];
};
