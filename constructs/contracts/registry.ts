import type { Consumer } from './consumer.ts';
import type { SecretRef } from './secret.ts';
import type { TeamSpace } from './team.ts';

/** What a team needs to push images to its own repositories, and its pods' nodes to pull them. */
export interface RegistryAccess {
  /** `<host>/<team>`, by which nodes pull. */
  readonly repositories: string;
  /** `<host>:<port>` inside the cluster, without TLS. */
  readonly inside: string;
  /** Secret of the team's namespace with the team's login, for both hosts: pods name it to have images pulled. */
  readonly secret: SecretRef<'.dockerconfigjson'>;
}

/** A registry of images in which a team has the repositories below its name, and nobody else may push there. */
export interface ImageRegistry {
  /**
   * The login of a team, and the path for every pod of its namespace. Asking again gives the same. `generation` is the
   * login's, from 1 on.
   */
  grantRepositories(team: TeamSpace & Consumer, generation: number): RegistryAccess;
}

/**
 * Label of the ConfigMaps of a team's namespace that describe its notebook images; its value is the image's name. Fields
 * are `content`, what is asked for; `digest` and `built`, the content that this is the digest of; and `problem`.
 */
export const notebookImageLabel = 'plinth.dev/notebook-image';
