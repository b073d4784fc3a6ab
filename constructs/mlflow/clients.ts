import {
  type Consumer,
  connect,
  type Endpoint,
  type EnvSource,
  type Issuer,
  type SecretFolder,
  type SecretRef,
  SecretRequest,
  type TeamSpace,
  type TrackingClient,
  type TrackingServer,
  value,
  type WebGateway,
} from '../contracts/index.ts';

export interface MlflowClientsProps {
  readonly server: Endpoint<'http'>;
  /** The server's own pods: they send webhooks. */
  readonly pods: Consumer;
  /** Where it has an address, clients use that: their tokens are then never on a wire in the clear. */
  readonly gateway?: WebGateway;
  /** Whom clients get their tokens from; without, the server asks nobody who they are. */
  readonly issuer?: Issuer;
}

/** MLflow tells its makers how it is used, from servers and clients alike; what a platform runs says nothing outside. */
export const silent = { MLFLOW_DISABLE_TELEMETRY: value('true') };

const secrets = '/var/run/secrets/plinth';

/** Teams as clients of MLflow, each in the workspace of its name, with the team's own credentials at the issuer. */
export class MlflowClients implements TrackingServer {
  readonly #props: MlflowClientsProps;
  readonly #known = new Map<string, TrackingClient>();

  constructor(props: MlflowClientsProps) {
    this.#props = props;
  }

  grantClient(team: TeamSpace & Consumer): TrackingClient {
    const known = this.#known.get(team.name) ?? this.#grant(team);
    this.#known.set(team.name, known);
    return known;
  }

  grantService(consumer: Consumer): { readonly url: string; readonly authority?: SecretRef<'ca.crt'> } {
    const url = this.#connect(consumer);
    const authority = this.#props.gateway?.authority;
    if (authority === undefined) return { url };
    const name = `${consumer.name}-mlflow`;
    const request = new SecretRequest(consumer.scope, name, {
      ...{ namespace: consumer.namespace, name },
      values: { 'ca.crt': authority },
    });
    consumer.startAfter(request);
    return { url, authority: request.ref };
  }

  tell(receiver: Endpoint<'http'>): void {
    connect(this.#props.pods, receiver);
  }

  #connect(consumer: Consumer): string {
    const { gateway, server } = this.#props;
    const host = `mlflow.${gateway?.domain}`;
    connect(consumer, gateway === undefined ? server : { ...gateway.entrance, host });
    return gateway === undefined ? `http://${server.host}:${server.port}` : `https://${host}`;
  }

  #grant(team: TeamSpace & Consumer): TrackingClient {
    const { gateway, issuer } = this.#props;
    const url = this.#connect(team);
    const folders: SecretFolder[] = [];
    const env: Record<string, EnvSource> = {
      MLFLOW_TRACKING_URI: value(url),
      MLFLOW_WORKSPACE: value(team.name),
      ...silent,
    };
    if (gateway?.authority !== undefined) {
      const request = new SecretRequest(team.scope, 'mlflow-client', {
        namespace: team.namespace,
        name: 'mlflow-client',
        values: { 'ca.crt': gateway.authority },
      });
      folders.push({ path: `${secrets}/mlflow`, secret: request.ref.name });
      env['MLFLOW_TRACKING_SERVER_CERT_PATH'] = value(`${secrets}/mlflow/ca.crt`);
    }
    if (issuer !== undefined) {
      // What the issuer's `teamClient` has put there; sdk/python knows the folder's files.
      folders.push({ path: `${secrets}/oidc`, secret: `${team.namespace}-oidc` });
      env['MLFLOW_TRACKING_AUTH'] = value('plinth');
      env['PLINTH_OIDC_FOLDER'] = value(`${secrets}/oidc`);
    }
    return { url, env, folders };
  }
}
