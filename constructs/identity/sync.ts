import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import { connect, type Endpoint, type SecretRef, type SecretRequest, value } from '../contracts/index.ts';
import { type Pods, StatefulService } from '../kit/index.ts';
import { administratorClient } from './server.ts';

export interface SyncProps {
  readonly pods: Pods;
  readonly keycloak: Endpoint<'http'>;
  readonly administrator: SecretRef<'clientSecret' | 'clientSecretBefore'>;
  readonly declaration: SecretRequest<'realm.json'>;
}

const folder = '/etc/identity-sync';
const port = 9090;

/** services/identity-sync. One pod, never two: the old one would take back what the new one does. */
export const syncService = (scope: Construct, props: SyncProps): StatefulService => {
  const { pods, keycloak, administrator, declaration } = props;
  connect(pods, keycloak);
  pods.startAfter(declaration);
  return new StatefulService(scope, 'Sync', {
    pods,
    containers: [
      {
        name: 'identity-sync',
        image: image('identity-sync'),
        env: {
          KEYCLOAK_URL: value(`http://${keycloak.host}:${keycloak.port}`),
          ADMIN_CLIENT_ID: value(administratorClient),
          ADMIN_CLIENT_SECRET: administrator.env('clientSecret'),
          ADMIN_CLIENT_SECRET_BEFORE: administrator.env('clientSecretBefore'),
          REALM_FILE: value(`${folder}/realm.json`),
          PORT: value(String(port)),
        },
        ports: { http: port },
        size: { cpu: Cpu.millis(20), memory: Size.mebibytes(96), memoryLimit: Size.mebibytes(192) },
        mounts: [{ path: folder, from: { kind: 'secret', secret: declaration.ref }, readOnly: true }],
        probe: {
          kind: 'http',
          port,
          path: '/readyz',
          liveness: { kind: 'http', port, path: '/healthz' },
        },
      },
    ],
  });
};
