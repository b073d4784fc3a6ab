import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { image } from '../catalogue/index.ts';
import { type BucketAccess, type EnvSource, type SecretRef, storageEnv, value } from '../contracts/index.ts';
import { type ComponentChart, type ConfigFiles, HttpService, type Mount, type Pods } from '../kit/index.ts';
import { connection } from './connections.ts';
import type { AirflowProps } from './index.ts';
import type { KeyName } from './keys.ts';
import { filesMount } from './settings.ts';

export const apiServerPort = 8080;
const authorityFolder = '/etc/plinth/issuer';

/** Access ends with the session, at most this long after a group was withdrawn: nobody is asked again before. */
const sessionMinutes = 4;

export interface ApiServerProps {
  readonly pods: Pods;
  readonly env: Readonly<Record<string, EnvSource>>;
  readonly files: ConfigFiles;
  readonly keys: SecretRef<KeyName>;
  readonly props: AirflowProps;
  readonly storage: BucketAccess<'read'> | undefined;
}

/** Reading the logs of every team; the key is one for all buckets. */
export const grantLogs = (pods: Pods, props: AirflowProps): BucketAccess<'read'> | undefined => {
  const grant = { owner: 'airflow', generation: props.generations.bucket };
  return props.teams.map(({ bucket }) => bucket.grantRead(pods, grant))[0];
};

/** What people open and tasks report to. */
export const apiServer = (chart: ComponentChart, given: ApiServerProps): HttpService => {
  const { pods, props, env, files, keys, storage } = given;
  const { publicUrl, apiServers } = props.processes;
  const client = props.issuer.client(pods, {
    clientId: 'airflow',
    generation: props.generations.client,
    redirectUris: [`${publicUrl}/auth/oauth-authorized/plinth`],
  });
  // Tokens of teams and of people at a command line are then meant for Airflow too.
  props.issuer.verifier(pods, 'airflow');
  const authority: readonly Mount[] =
    client.authority === undefined
      ? []
      : [{ path: authorityFolder, from: { kind: 'secret', secret: client.authority }, readOnly: true }];
  return new HttpService(chart, 'ApiServer', {
    pods,
    replicas: apiServers,
    drainSeconds: 10,
    containers: [
      {
        name: 'api-server',
        image: image('airflow'),
        command: ['airflow', 'api-server', `--port=${apiServerPort}`, '--workers=1', '--proxy-headers'],
        env: {
          ...env,
          ...(storage === undefined ? {} : storageEnv(storage)),
          ...connection('aws_default', { conn_type: 'aws' }),
          // Only the gateway's pods and tasks have a path here.
          FORWARDED_ALLOW_IPS: value('*'),
          AIRFLOW__API__SECRET_KEY: keys.env('session'),
          AIRFLOW__API_AUTH__JWT_SECRET: keys.env('jwt'),
          AIRFLOW__API_AUTH__JWT_EXPIRATION_TIME: value(String(sessionMinutes * 60)),
          AIRFLOW__FAB__SESSION_BACKEND: value('securecookie'),
          AIRFLOW__FAB__SESSION_MAX_LIFETIME_MINUTES: value(String(sessionMinutes)),
          AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS: value('plinth_logs.LOGGING_CONFIG'),
          AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID: value('aws_default'),
          OIDC_CLIENT_ID: client.secret.env('clientId'),
          OIDC_CLIENT_SECRET: client.secret.env('clientSecret'),
          OIDC_ISSUER: value(client.issuer),
          ...(client.authority === undefined ? {} : { OIDC_AUTHORITY: value(`${authorityFolder}/ca.crt`) }),
        },
        ports: { http: apiServerPort },
        size: { cpu: Cpu.millis(50), memory: Size.mebibytes(512), memoryLimit: Size.gibibytes(1) },
        mounts: [filesMount(files), ...authority],
        probe: { kind: 'http', port: apiServerPort, path: '/api/v2/version', seconds: 20, startSeconds: 600 },
      },
    ],
  });
};
