import type { ImageRegistry, ObjectStore, RegistryAccess } from '../../constructs/contracts/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { NotebookImages, Registry } from '../../constructs/registry/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';
import { teamBucket } from './teams.ts';

/** The grant that every team has of its own repositories; asked for again, it is the same. */
export const repositoriesOf = (
  { environment }: ComposeContext,
  registry: ImageRegistry,
  team: Team,
): RegistryAccess => registry.grantRepositories(team, generation(environment, `${team.name}/registry`));

/** Every team has repositories of its name, and the images that the environment says it has. */
export const composeRegistry = (
  context: ComposeContext,
  store: ObjectStore | undefined,
  teams: readonly Team[],
): ImageRegistry | undefined => {
  const { app, environment, gateway, kubernetes } = context;
  // Without the others the environment was refused.
  if (environment.registry.kind === 'off' || store === undefined || gateway === undefined) return undefined;
  const registry = new Registry(app, {
    home: context.namespace('registry'),
    bucket: store.bucket('registry'),
    gateway,
    generations: {
      bucket: generation(environment, 'registry/bucket'),
      shared: generation(environment, 'registry/shared'),
    },
  });
  context.observed.push(registry);
  for (const team of teams) {
    const access = repositoriesOf(context, registry, team);
    const images = environment.teams.find(({ name }) => name === team.name)?.images ?? [];
    if (images.length === 0) continue;
    const built = new NotebookImages(app, {
      team,
      images,
      registry: access,
      bucket: teamBucket(context, store, team),
      kubernetes,
    });
    built.node.addDependency(team);
  }
  return registry;
};
