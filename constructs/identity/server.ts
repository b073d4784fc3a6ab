import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  type DatabaseKey,
  type EnvSource,
  type PostgresTls,
  type SecretRef,
  value,
} from '../contracts/index.ts';
import { type Pods, StatefulService } from '../kit/index.ts';

const ports = { http: 8080, management: 9000 };
/** The client that reconciles the realm; Keycloak makes it when it starts on an empty database. */
export const administratorClient = 'identity-sync';

export interface ServerProps {
  readonly pods: Pods;
  readonly database: SecretRef<DatabaseKey>;
  readonly tls: PostgresTls;
  readonly administrator: SecretRef<'clientSecret'>;
  /** `https://host`: everything that Keycloak says of itself begins with it, whoever asks and however. */
  readonly url: string;
}

const databaseTls = ({ sslMode, rootCertificate }: PostgresTls): Record<string, EnvSource> => {
  if (sslMode === 'disable') return {};
  const root = rootCertificate === undefined ? '' : `&sslrootcert=${rootCertificate}`;
  return { KC_DB_URL_PROPERTIES: value(`?sslmode=${sslMode}${root}`) };
};

/**
 * One pod, never two: a new release changes the database's schema when it starts, which the old one must not see.
 * While it rolls nobody can sign in, but tokens and sessions of the components stay valid.
 */
export const serverService = (scope: Construct, props: ServerProps): StatefulService => {
  const { pods, database, administrator, url } = props;
  return new StatefulService(scope, 'Server', {
    pods,
    containers: [
      {
        name: 'keycloak',
        image: image('keycloak'),
        command: ['/opt/keycloak/bin/kc.sh', 'start', '--optimized'],
        env: {
          KC_DB_URL_HOST: database.env('host'),
          KC_DB_URL_PORT: database.env('port'),
          KC_DB_URL_DATABASE: database.env('database'),
          ...databaseTls(props.tls),
          KC_DB_USERNAME: database.env('username'),
          KC_DB_PASSWORD: database.env('password'),
          KC_DB_POOL_INITIAL_SIZE: value('1'),
          KC_DB_POOL_MIN_SIZE: value('1'),
          KC_DB_POOL_MAX_SIZE: value('12'),
          // One pod has nobody to share its cache with; sessions are in the database.
          KC_CACHE: value('local'),
          KC_HOSTNAME: value(url),
          // The gateway ends TLS, and says so in its headers.
          KC_HTTP_ENABLED: value('true'),
          KC_PROXY_HEADERS: value('xforwarded'),
          KC_BOOTSTRAP_ADMIN_CLIENT_ID: value(administratorClient),
          KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: administrator.env('clientSecret'),
          KC_LOG_LEVEL: value('info'),
          JAVA_OPTS_KC_HEAP: value('-Xms128m -Xmx384m'),
        },
        ports,
        size: { cpu: Cpu.millis(200), memory: Size.mebibytes(704), memoryLimit: Size.mebibytes(1024) },
        mounts: [
          {
            path: '/opt/keycloak/data',
            from: { kind: 'scratch', name: 'keycloak-data', limit: Size.mebibytes(256) },
          },
        ],
        // The first start makes a hundred tables, a new release may change large ones.
        probe: {
          kind: 'http',
          port: ports.management,
          path: '/health/ready',
          startSeconds: 900,
          // Ready is who has its database.
          liveness: { kind: 'http', port: ports.management, path: '/health/live' },
        },
      },
    ],
  });
};
