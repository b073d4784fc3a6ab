import type { TeamSpace } from '../../constructs/contracts/index.ts';
import { Team } from '../../constructs/kubernetes/index.ts';
import type { ComposeContext } from './context.ts';

/** A team's namespace is `team-<name>`, so that no team can be named like a component's namespace. */
export const composeTeams = (context: ComposeContext): readonly TeamSpace[] =>
  context.environment.teams.map(({ name, limits }) => {
    const home = context.namespace(name.startsWith('team-') ? name : `team-${name}`);
    return new Team(context.app, { name, home, limits });
  });
