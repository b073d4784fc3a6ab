import { readFileSync } from 'node:fs';
import { Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { type ImageName, image } from '../catalogue/index.ts';
import {
  type DatabaseGrantProps,
  type EnvSource,
  type PostgresServer,
  type SecretRef,
  type TokenVerifier,
  value,
} from '../contracts/index.ts';
import { BatchJob } from './batch-job.ts';
import type { ComponentChart } from './chart.ts';
import type { Mount, Probe } from './pod.ts';
import { Pods } from './pods.ts';

/** What a service says of itself in services/<name>/service.json. */
export interface ServiceDescription<Port extends string> {
  readonly name: string;
  readonly ports: Readonly<Record<Port, number>>;
  /** Paths at one port. `liveness` depends on nothing but the process. */
  readonly health: { readonly port: Port; readonly liveness: string; readonly readiness: string };
  readonly metrics: { readonly path: string };
  /** Seconds that it takes at most to stop. */
  readonly stopSeconds: number;
}

export const descriptionOf = <Port extends string>(name: string): ServiceDescription<Port> =>
  JSON.parse(readFileSync(new URL(`../../services/${name}/service.json`, import.meta.url), 'utf8'));

export const healthProbe = <Port extends string>({ ports, health }: ServiceDescription<Port>): Probe => {
  const port = ports[health.port];
  return {
    kind: 'http',
    port,
    path: health.readiness,
    liveness: { kind: 'http', port, path: health.liveness },
  };
};

/** The database that a service migrates before it starts, and runs with. */
export interface MigratedDatabase {
  readonly server: PostgresServer;
  readonly login: DatabaseGrantProps;
  /** The service's own image, which has `src/migrate.ts`. */
  readonly image: ImageName;
}

/** Pods start after their database is migrated; returns the login that they run with. */
export const migrateFirst = (
  chart: ComponentChart,
  pods: Pods,
  { server, login, image: own }: MigratedDatabase,
): SecretRef<'url'> => {
  const database = server.grantOwner(pods, login);
  const migrate = new Pods(chart, 'MigratePods', {
    name: `${pods.name}-migrate`,
    component: 'serving',
    userId: 65_532,
  });
  const job = new BatchJob(chart, 'Migrate', {
    pods: migrate,
    deadline: Duration.minutes(10),
    container: {
      name: 'migrate',
      image: image(own),
      command: ['node', 'src/migrate.ts'],
      env: { DATABASE_URL: server.grantOwner(migrate, login).env('url') },
      size: { cpu: Cpu.millis(20), memory: Size.mebibytes(128) },
    },
  });
  pods.startAfter(job);
  return database;
};

const trustFolder = '/etc/plinth/issuer';

/** Whose tokens a service takes, and for whom they must be. */
export const trust = ({
  issuer,
  audience,
  groupsClaim,
  authority,
}: TokenVerifier): Readonly<Record<string, EnvSource>> => ({
  OIDC_ISSUER: value(issuer),
  OIDC_AUDIENCE: value(audience),
  OIDC_GROUPS_CLAIM: value(groupsClaim),
  ...(authority === undefined ? {} : { NODE_EXTRA_CA_CERTS: value(`${trustFolder}/ca.crt`) }),
});

/** The authority that `trust` names, where the issuer's certificate isn't signed by a public one. */
export const trustMount = ({ authority }: TokenVerifier): readonly Mount[] =>
  authority === undefined
    ? []
    : [{ path: trustFolder, from: { kind: 'secret', secret: authority }, readOnly: true }];
