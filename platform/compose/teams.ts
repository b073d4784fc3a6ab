import {
  type BucketAccess,
  databaseEnv,
  type EnvSource,
  type ObjectStore,
  type PostgresServer,
  type SecretValue,
} from '../../constructs/contracts/index.ts';
import { Team } from '../../constructs/kubernetes/index.ts';
import { teamNamespace } from '../spec/teams.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';

/**
 * Every team has a bucket of its name; its key is in Secret `<team>-bucket-<team>` of its namespace.
 */
export const composeTeams = (
  context: ComposeContext,
  server: PostgresServer | undefined,
  store: ObjectStore | undefined,
): readonly Team[] =>
  context.environment.teams.map(({ name, limits }) => {
    const home = context.namespace(teamNamespace(name));
    const team = new Team(context.app, { name, home, limits });
    if (store !== undefined) teamBucket(context, store, team);
    teamDatabaseEnv(context, server, team);
    context.observed.push(team);
    return team;
  });

/** The grant that every team has of its own bucket; asked for again, it is the same. */
export const teamBucket = (
  { environment }: ComposeContext,
  store: ObjectStore,
  team: Team,
): BucketAccess<'readWrite'> =>
  store.bucket(team.name).grantReadWrite(team, {
    owner: team.name,
    generation: generation(environment, `${team.name}/bucket`),
  });

/**
 * Variables that lead a team's pods to its own database, where it has one: `team-<name>`, its login in Secret
 * `team-<name>-database` of the team's namespace. Every pod of the team reaches the server.
 */
export const teamDatabaseEnv = (
  context: ComposeContext,
  server: PostgresServer | undefined,
  team: Team,
): Readonly<Record<string, EnvSource>> => {
  const chosen = context.environment.teams.find(({ name }) => name === team.name);
  // Without a server the environment was refused.
  if (chosen?.database !== true || server === undefined) return {};
  const login = {
    database: team.namespace,
    generation: generation(context.environment, `${team.name}/login`),
  };
  return databaseEnv(server.grantOwner(team, login), server.tls);
};

/** What people of a team sign in to the platform's own object store with, for the lab to tell. */
export const teamKeys = (
  teams: readonly Team[],
  keyOf: (owner: string) => { readonly username: SecretValue; readonly password: SecretValue },
): Readonly<Record<string, Readonly<Record<string, SecretValue>>>> =>
  Object.fromEntries(teams.map(({ name }) => [`s3-${name}`, keyOf(name)]));
