import { kubectlJson, type PodList } from './support.ts';

/** Names of the pods of Spark's roles (`driver`, `executor`) that a team has. */
export const sparkPods = async (team: string, ...roles: readonly string[]): Promise<readonly string[]> => {
  const selector = `app.kubernetes.io/name in (${roles.map((role) => `spark-${role}`).join(',')})`;
  const { items } = await kubectlJson<PodList>(['get', 'pods', '-n', team, '-l', selector]);
  return items.map(({ metadata }) => metadata.name);
};

/**
 * Driver, executors and token of a team's sessions, or of those of one of its pods; an application's driver stays to be
 * read.
 */
export const leftOfSessions = async (team: string, client?: string): Promise<readonly string[]> => {
  const selector = ['-l', 'spark.plinth.dev/client'];
  const { items } = await kubectlJson<PodList>(['get', 'pods,secrets', '-n', team, ...selector]);
  const isAnothers = ({ metadata }: PodList['items'][number]): boolean =>
    client !== undefined && metadata.ownerReferences?.some(({ name }) => name === client) !== true;
  const named = (kept: PodList['items']): readonly string[] => kept.map(({ metadata }) => metadata.name);
  // Executors are a driver's, by their names.
  const others = named(items.filter(isAnothers));
  const executors = (await sparkPods(team, 'executor')).filter(
    (executor) => !others.some((driver) => executor.startsWith(`${driver}-exec-`)),
  );
  return [...named(items.filter((each) => !isAnothers(each))), ...executors];
};
