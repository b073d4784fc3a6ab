import type { EnvSource } from './secret.ts';
import type { TeamSpace } from './team.ts';

/**
 * What a pod of a team must be given so that `plinth.spark()` works in it: whoever makes such pods (the hub, Airflow)
 * puts all of it into its pod template. The object store's environment is `storageEnv` of the team's bucket.
 */
export interface SparkClient {
  /**
   * ServiceAccount to run as, with its token mounted: it may start sessions in the team's namespace that end with the
   * pod, and SparkApplications, and nothing else.
   */
  readonly serviceAccount: string;
  /** Open the paths to the team's sessions and to Kubernetes' API. */
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, EnvSource>>;
  /** A ConfigMap of the team's namespace with the templates of what is started, to be mounted read-only at `path`. */
  readonly files: { readonly configMap: string; readonly path: string };
}

/** Spark for teams: sessions on executors in the team's own namespace, and batch applications. */
export interface SparkRuntime {
  /** Throws for a team that the runtime wasn't made for. */
  client(team: TeamSpace): SparkClient;
}
