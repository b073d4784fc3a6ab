import {
  derived,
  type EnvSource,
  type Issuer,
  joined,
  SecretRequest,
  type SecretValue,
  value,
} from '../contracts/index.ts';
import type { ComponentChart, Mount, Pods } from '../kit/index.ts';

/** The server's own keys: neither opens anything elsewhere. */
export interface ServerKeys {
  readonly env: Readonly<Record<string, EnvSource>>;
}

const fernet = (role: string, generation: number): SecretValue =>
  // 32 bytes in base64url, with the padding that the library wants.
  joined(derived({ owner: 'mlflow', role, key: 'key', generation }), '=');

/**
 * `webhooks` encrypts the secrets of webhooks in the database. It isn't rotatable: MLflow knows one key and no
 * predecessor, so with another one no webhook would be delivered until its secret were set again.
 */
export const serverKeys = (chart: ComponentChart, pods: Pods, sessionGeneration: number): ServerKeys => {
  const request = new SecretRequest(chart, 'Keys', {
    namespace: pods.namespace,
    name: 'mlflow-keys',
    generation: sessionGeneration,
    values: { webhooks: fernet('webhooks', 1), session: fernet('session', sessionGeneration) },
  });
  pods.startAfter(request);
  pods.rollWith('session', sessionGeneration);
  return {
    env: {
      MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY: request.ref.env('webhooks'),
      // Receivers are in the cluster. Which ones can be reached is for the network policies: none but granted ones.
      MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS: value('true'),
      MLFLOW_WEBHOOK_ALLOWED_SCHEMES: value('http,https'),
      PLINTH_SESSION_KEY: request.ref.env('session'),
    },
  };
};

export interface SignInProps {
  readonly issuer: Issuer;
  readonly generation: number;
  readonly publicHost: string;
  readonly teams: readonly string[];
}

/** What the server needs to ask who somebody is; files/plinth_app.py does it. */
export interface SignIn {
  readonly env: Readonly<Record<string, EnvSource>>;
  readonly mounts: readonly Mount[];
}

const folder = '/var/run/secrets/plinth/oidc';
const clientId = 'mlflow';

export const signIn = (pods: Pods, props: SignInProps): SignIn => {
  const { issuer, generation, publicHost, teams } = props;
  const url = `https://${publicHost}`;
  const client = issuer.client(pods, {
    clientId,
    generation,
    redirectUris: [`${url}/oidc/callback`, `${url}/`],
  });
  // Tokens of teams and of people at a command line are then meant for MLflow too.
  issuer.verifier(pods, clientId);
  const { authority } = client;
  return {
    env: {
      PLINTH_OIDC_ISSUER: client.secret.env('issuer'),
      PLINTH_OIDC_CLIENT_ID: client.secret.env('clientId'),
      PLINTH_OIDC_CLIENT_SECRET: client.secret.env('clientSecret'),
      PLINTH_URL: value(url),
      PLINTH_TEAMS: value(teams.join(' ')),
      ...(authority === undefined ? {} : { PLINTH_OIDC_AUTHORITY: value(`${folder}/ca.crt`) }),
    },
    mounts:
      authority === undefined
        ? []
        : [{ path: folder, from: { kind: 'secret', secret: authority }, readOnly: true }],
  };
};
