import type { ImageRegistry, ObjectStore } from '../../constructs/contracts/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { NotebookImages, Registry } from '../../constructs/registry/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';

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
    const access = registry.grantRepositories(team, generation(environment, `${team.name}/registry`));
    const images = environment.teams.find(({ name }) => name === team.name)?.images ?? [];
    if (images.length === 0) continue;
    const built = new NotebookImages(app, {
      team,
      images,
      registry: access,
      // The grant that every team has; asked for again, it is the same.
      bucket: store.bucket(team.name).grantReadWrite(team, {
        owner: team.name,
        generation: generation(environment, `${team.name}/bucket`),
      }),
      kubernetes,
    });
    built.node.addDependency(team);
  }
  return registry;
};
