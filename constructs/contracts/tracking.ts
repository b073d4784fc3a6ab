import type { Consumer } from './consumer.ts';
import type { Endpoint } from './endpoint.ts';
import type { EnvSource, SecretRef } from './secret.ts';
import type { TeamSpace } from './team.ts';

/** A Secret of the team's namespace as a folder of files, read-only; its keys are the file names. */
export interface SecretFolder {
  readonly path: string;
  readonly secret: string;
  /** Whether a pod starts where the Secret isn't there. */
  readonly optional?: boolean;
}

/**
 * What any container needs to be a client of the tracking server, whoever makes its pod: Plinth, a spawner, an
 * executor or an operator. MLflow's own client then works without a line of set-up.
 */
export interface TrackingClient {
  /** `https://mlflow.<domain>`, or the Service where no gateway has an address. */
  readonly url: string;
  /** Names a Secret's keys only in the namespace of the team that was granted it. */
  readonly env: Readonly<Record<string, EnvSource>>;
  /** Authority and credentials; `env` names files in these folders. Credentials in them are renewed in place. */
  readonly folders: readonly SecretFolder[];
}

/** A tracking server with a model registry, of which a team sees its own part. */
export interface TrackingServer {
  /**
   * Opens the path for every pod of the team's namespace, so that what others make there needs no policy of its
   * own. Asking again for the same team gives the same client.
   */
  grantClient(team: TeamSpace & Consumer): TrackingClient;
  /**
   * Opens the path for a service of the platform's own, which brings tokens of its own. `authority` signed the address'
   * certificate, where that isn't one that everybody trusts.
   */
  grantService(consumer: Consumer): { readonly url: string; readonly authority?: SecretRef<'ca.crt'> };
  /** Lets the registry tell a service of what happens, by webhooks. */
  tell(receiver: Endpoint<'http'>): void;
}
