import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { image } from '../../constructs/catalogue/index.ts';
import {
  type ImageRegistry,
  type ModelClient,
  type ObjectStore,
  type PostgresServer,
  type SparkRuntime,
  storageEnv,
  type TrackingServer,
  value,
} from '../../constructs/contracts/index.ts';
import { JupyterHub, type TeamNotebooks, type Workspace } from '../../constructs/jupyterhub/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { serversPerMember } from '../spec/notebooks.ts';
import { standardImage } from '../spec/registry.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';
import type { Identity } from './identity.ts';
import { portalAtHub } from './portal.ts';
import { repositoriesOf } from './registry.ts';
import { teamDatabaseEnv } from './teams.ts';

/** What notebooks are given of the platform; what isn't there doesn't work in them. */
export interface NotebookParts {
  readonly database: PostgresServer | undefined;
  readonly identity: Identity | undefined;
  readonly store: ObjectStore | undefined;
  readonly spark: SparkRuntime | undefined;
  readonly tracking: TrackingServer | undefined;
  readonly models: (team: Team) => ModelClient;
  readonly registry: ImageRegistry | undefined;
  readonly teams: readonly Team[];
}

const workspaceOf = (context: ComposeContext, parts: NotebookParts, team: Team): Workspace => {
  const grant = { owner: team.name, generation: generation(context.environment, `${team.name}/bucket`) };
  const access = parts.store?.bucket(team.name).grantReadWrite(team, grant);
  const authority = parts.identity?.clients.get(team)?.authority;
  const spark = parts.spark?.client(team);
  const tracking = parts.tracking?.grantClient(team);
  return {
    env: {
      PLINTH_TEAM: value(team.name),
      ...(access === undefined ? {} : storageEnv(access)),
      ...teamDatabaseEnv(context, parts.database, team),
      ...spark?.env,
      ...tracking?.env,
      ...parts.models(team).env,
    },
    ...(tracking === undefined ? {} : { folders: tracking.folders }),
    ...(authority === undefined ? {} : { authority }),
    ...(spark === undefined
      ? {}
      : { labels: spark.labels, serviceAccount: spark.serviceAccount, files: [spark.files] }),
  };
};

/** Comes after everything that works in notebooks. */
export const composeNotebooks = (context: ComposeContext, parts: NotebookParts): JupyterHub | undefined => {
  const { app, environment, gateway } = context;
  const { notebooks } = environment;
  const { database, identity, registry, teams } = parts;
  // Without the others the environment was refused.
  if (notebooks.kind === 'off' || database === undefined || identity === undefined || gateway === undefined)
    return undefined;
  const { shared } = notebooks;
  const forTeam = (team: Team): TeamNotebooks => {
    const own = notebooks.teams[team.name];
    return {
      team,
      workspace: workspaceOf(context, parts, team),
      ...(registry === undefined ? {} : { registry: repositoriesOf(context, registry, team) }),
      sizes: own?.sizes ?? notebooks.sizes.map(({ name }) => name),
      accelerators: own?.accelerators ?? notebooks.accelerators.map(({ name }) => name),
      servers: own?.servers ?? serversPerMember,
      ...(shared === undefined
        ? {}
        : { shared: { size: Size.gibibytes(shared.storageGiB), acrossNodes: shared.acrossNodes } }),
    };
  };
  const hub = new JupyterHub(app, {
    home: context.namespace('jupyterhub'),
    database,
    issuer: identity.issuer,
    gateway,
    kubernetes: context.kubernetes,
    settings: {
      sizes: notebooks.sizes.map(({ name, cpu, memoryGiB }) => ({
        name,
        cpu: Cpu.millis(Math.round(cpu * 1000)),
        memory: Size.gibibytes(memoryGiB),
      })),
      images: [{ name: standardImage, image: image('notebook') }],
      accelerators: notebooks.accelerators,
      home: Size.gibibytes(notebooks.homeGiB),
      idleMinutes: notebooks.idleMinutes,
      maxHours: notebooks.maxHours,
    },
    teams: teams.map(forTeam),
    services: environment.portal.kind === 'on' ? [portalAtHub(environment)] : [],
    generations: {
      database: generation(environment, 'notebooks/database'),
      client: generation(environment, 'notebooks/client'),
      keys: generation(environment, 'notebooks/keys'),
    },
  });
  context.observed.push(hub.observable);
  return hub;
};
