import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Airflow, type DagSource, ExampleDags } from '../../constructs/airflow/index.ts';
import type {
  Issuer,
  ModelClient,
  ObjectStore,
  PostgresServer,
  SparkRuntime,
  TrackingServer,
} from '../../constructs/contracts/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { type Environment, generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';
import { teamDatabaseEnv } from './teams.ts';

export interface AirflowParts {
  readonly database: PostgresServer;
  readonly store: ObjectStore;
  readonly issuer: Issuer;
  readonly tracking: TrackingServer | undefined;
  readonly models: (team: Team) => ModelClient;
  readonly teams: readonly Team[];
  readonly spark: SparkRuntime | undefined;
}

type Switched = Extract<Environment['airflow'], { kind: 'on' }>;

/** Folders of examples, and where each is in the repository of DAGs. */
const examples = {
  dags: '',
  // A project of team-a: its pipeline, and beside it the package that its tasks import.
  'flights/pipeline': 'team-a',
  'flights/flights': 'team-a/flights',
} as const;

/** Every example by its path in the repository. */
const exampleFiles = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(examples).flatMap(([from, to]) => {
      const folder = join(import.meta.dirname, '../../examples', from);
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.py'))
        .sort()
        .map((path) => [join(to, path), readFileSync(join(folder, path), 'utf8')] as const);
    }),
  );

const dagSource = (context: ComposeContext, { dags }: Switched): DagSource => {
  switch (dags.kind) {
    case 'examples': {
      const home = context.namespace('airflow');
      return new ExampleDags(context.app, { home, files: exampleFiles() }).source;
    }
    case 'git': {
      const { url, branch, folder, cidr, secret } = dags;
      const { hostname, port } = new URL(url);
      const peer = { kind: 'addresses', cidr } as const;
      const endpoint = { kind: 'https', host: hostname, port: Number(port || 443), peer } as const;
      return {
        url,
        branch,
        endpoint,
        ...(folder === undefined ? {} : { folder }),
        ...(secret === undefined ? {} : { secret }),
      };
    }
    default:
      return dags satisfies never;
  }
};

export const composeAirflow = (
  context: ComposeContext,
  { database, store, issuer, tracking, models, teams, spark }: AirflowParts,
): Airflow | undefined => {
  const { app, environment, gateway, kubernetes } = context;
  const { airflow: chosen, domain } = environment;
  if (chosen.kind === 'off') return undefined;
  const airflow = new Airflow(app, {
    home: context.namespace('airflow'),
    database,
    issuer,
    kubernetes,
    dags: dagSource(context, chosen),
    teams: teams.map((space) => {
      const bucket = store.bucket(space.name);
      return {
        space,
        home: space.home,
        bucket,
        storage: bucket.grantReadWrite(space, {
          owner: space.name,
          generation: generation(environment, `${space.name}/bucket`),
        }),
        ...(spark === undefined ? {} : { spark: spark.client(space) }),
        places: { ...models(space).env, ...teamDatabaseEnv(context, database, space) },
        slots: chosen.slots,
        ...(tracking === undefined ? {} : { tracking: tracking.grantClient(space) }),
      };
    }),
    processes: {
      publicUrl: `https://airflow.${domain}`,
      apiServers: chosen.apiServers,
      triggerer: chosen.triggerer,
    },
    generations: {
      database: generation(environment, 'airflow/database'),
      bucket: generation(environment, 'airflow/bucket'),
      keys: generation(environment, 'airflow/keys'),
      client: generation(environment, 'airflow/client'),
    },
  });
  context.observed.push(airflow.observable);
  gateway?.expose(airflow, {
    name: 'airflow',
    endpoint: airflow.endpoint,
    health: '/api/v2/monitor/health',
  });
  return airflow;
};
