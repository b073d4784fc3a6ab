import { z } from 'zod';
import { airflow, airflowMistakes } from './spec/airflow.ts';
import { objectStore, postgres } from './spec/data.ts';
import { gateway, tls } from './spec/gateway.ts';
import { grafana, grafanaMistakes } from './spec/grafana.ts';
import { identity, identityMistakes } from './spec/identity.ts';
import { kubernetes } from './spec/kubernetes.ts';
import { EnvironmentError, type Mistake, mistakesOf, show } from './spec/mistakes.ts';
import { mlflow } from './spec/mlflow.ts';
import { monitoring } from './spec/monitoring.ts';
import { missing } from './spec/needs.ts';
import { notebooks, notebooksMistakes } from './spec/notebooks.ts';
import { portal, portalMistakes } from './spec/portal.ts';
import { predictionLog, predictionLogMistakes } from './spec/prediction-log.ts';
import { promoter, promoterMistakes } from './spec/promoter.ts';
import { platformRegistry, registryMistakes } from './spec/registry.ts';
import { serving, servingMistakes } from './spec/serving.ts';
import { spark, sparkMistakes } from './spec/spark.ts';
import { isTeamData, team, teamNamespace, teamsMistakes } from './spec/teams.ts';
import { hostName, objectName, registry, volumeName } from './spec/values.ts';

export { EnvironmentError, type Mistake } from './spec/mistakes.ts';

/** What an environment file may say. Unknown fields are mistakes. */
const schema = z.strictObject({
  /** Root of every address: `mlflow.<domain>` and so on. */
  domain: hostName,
  kubernetes,
  /** Where nodes pull Plinth's images from; unset, they are on the node already. */
  imageRegistry: registry.optional(),
  /** Secret of type kubernetes.io/dockerconfigjson, there before in every namespace with pods of Plinth's. */
  imagePullSecret: objectName.optional(),
  /** Of every volume; unset, the cluster's default. Another one later would be other volumes, and is refused. */
  storageClass: objectName.optional(),
  imageExceptions: z
    .array(z.strictObject({ image: z.string().min(1), reason: z.string().min(1) }))
    .default([]),
  postgres: postgres.default({ kind: 'inCluster', storageGiB: 10, memoryMiB: 512 }),
  objectStore: objectStore.default({ kind: 'inCluster', storageGiB: 20 }),
  gateway: gateway.prefault({ kind: 'traefik' }),
  tls: tls.default({ kind: 'ownAuthority' }),
  identity: identity.default({ kind: 'off' }),
  mlflow: mlflow.default({ kind: 'on', replicas: 1, workers: 2 }),
  airflow: airflow.default({ kind: 'off' }),
  monitoring: monitoring.default({ kind: 'off' }),
  serving: serving.default({ kind: 'off' }),
  promoter: promoter.default({ kind: 'off' }),
  predictionLog: predictionLog.default({ kind: 'off' }),
  spark: spark.default({ kind: 'off' }),
  notebooks: notebooks.default({ kind: 'off' }),
  grafana: grafana.default({ kind: 'off' }),
  registry: platformRegistry.default({ kind: 'off' }),
  portal: portal.default({ kind: 'off' }),
  /** Who uses the platform; removing one ends its access and keeps its data. */
  teams: z.array(team).default([]),
  /** Generations of credentials, by `<owner>/<role>`; 1 where unset. A higher one rotates. */
  generations: z.record(z.string(), z.int().min(1).max(10_000)).default({}),
  /**
   * Volumes, by `<namespace>/<claim>`, and all homes of a team, by `<namespace>/homes`, whose protection is lifted: the
   * next update may remove them.
   */
  confirmDataLoss: z.array(volumeName).default([]),
});

/** An environment as its file writes it. */
export type EnvironmentInput = z.input<typeof schema>;
/** An environment with every default filled in. */
export type Environment = z.output<typeof schema> & { readonly name: string };

/**
 * Credentials that the platform has, besides each team's `<team>/bucket`, `<team>/history`, `<team>/login`,
 * `<team>/registry` and `<team>/token` and each account's `<account>/password`; an environment may raise each generation.
 */
export const credentials = [
  'metrics/database',
  'prometheus/sign-in',
  'alertmanager/sign-in',
  'grafana/sign-in',
  'airflow/database',
  'airflow/bucket',
  'airflow/keys',
  'airflow/client',
  'mlflow/database',
  'mlflow/bucket',
  'mlflow/client',
  'mlflow/session',
  'gateway/certificate',
  'identity/database',
  'identity/administrator',
  'portal/client',
  'portal/hub',
  'portal/session',
  'predictionLog/database',
  'predictionLog/bucket',
  'seldon/webhook',
  'promoter/database',
  'promoter/client',
  'promoter/webhook',
  'promoter/alerts',
  'notebooks/database',
  'notebooks/client',
  'notebooks/keys',
  'registry/bucket',
  'registry/shared',
] as const;
/** What each team has one of. */
const teamCredentials = ['bucket', 'history', 'login', 'registry', 'token'] as const;
export type Credential =
  | (typeof credentials)[number]
  | `${string}/${(typeof teamCredentials)[number] | 'password'}`;

/** The generation that the environment asks for, 1 unless it says so. */
export const generation = (environment: Environment, credential: Credential): number =>
  environment.generations[credential] ?? 1;

/** Generations of all credentials that the environment has a use for. */
export const generationsInUse = (environment: Environment): Readonly<Record<string, number>> => {
  const accounts = environment.identity.kind === 'keycloak' ? environment.identity.accounts : [];
  const used: readonly Credential[] = [
    ...credentials.filter((each) => isUsed(environment, each)),
    ...environment.teams.flatMap(({ name }) => teamCredentials.map((role) => `${name}/${role}` as const)),
    ...accounts.map(({ name }) => `${name}/password` as const),
  ];
  return Object.fromEntries(used.map((each) => [each, generation(environment, each)]));
};

/** Volumes that the platform may have besides each team's `<namespace>/shared` and `<namespace>/homes`, as `confirmDataLoss` names them. */
export const dataVolumes = [
  'data/postgres',
  'data/object-store',
  'monitoring/prometheus',
  'monitoring/alertmanager',
  'monitoring/grafana',
] as const;

/** Whether the environment has what such a credential belongs to: its owner is named like the field that switches it. */
const isUsed = (environment: z.output<typeof schema>, credential: (typeof credentials)[number]): boolean => {
  const [owner = ''] = credential.split('/');
  if (owner === 'gateway')
    return environment.gateway.kind !== 'off' && environment.tls.kind === 'ownAuthority';
  if (owner === 'identity') return environment.identity.kind === 'keycloak';
  if (owner === 'seldon') return environment.serving.kind === 'seldon';
  if (['metrics', 'prometheus', 'alertmanager'].includes(owner)) return environment.monitoring.kind === 'on';
  const chosen: unknown = Reflect.get(environment, owner);
  return (chosen as { readonly kind?: string } | undefined)?.kind !== 'off';
};

const crossChecks = (environment: z.output<typeof schema>): readonly Mistake[] => {
  const forMlflow = { postgres: 'mlflow needs a database', objectStore: 'mlflow needs a bucket' };
  const mistakes: Mistake[] = [
    ...(environment.mlflow.kind === 'on' ? missing(environment, forMlflow, "mlflow: { kind: 'off' }") : []),
    ...identityMistakes(environment),
    ...airflowMistakes(environment),
    ...servingMistakes(environment),
    ...promoterMistakes(environment),
    ...predictionLogMistakes(environment),
    ...sparkMistakes(environment),
    ...notebooksMistakes(environment),
    ...grafanaMistakes(environment),
    ...portalMistakes(environment),
    ...registryMistakes(environment),
    ...teamsMistakes(environment),
  ];
  if (environment.gateway.kind === 'off' && environment.tls.kind !== 'ownAuthority')
    mistakes.push({
      path: 'tls.kind',
      got: show(environment.tls.kind),
      expected: 'no tls where no gateway uses it',
      mend: "remove it, or choose a gateway other than 'off'",
    });
  const unknown = (path: string, name: string, known: readonly string[]): void => {
    if (known.includes(name)) return;
    mistakes.push({
      path,
      got: show(name),
      expected: `one of ${known.join(', ')}`,
      mend: 'remove it, or check its spelling',
    });
  };
  const names = environment.teams.map(({ name }) => name);
  const places = names.map(teamNamespace);
  // Keys and groups are known by their owner's name: a team of that name would be given what isn't its own.
  const reserved = new Set([
    ...credentials.map((each) => each.split('/')[0] ?? ''),
    'platform-admins',
    'prediction-log',
    'plinth',
    'default',
  ]);
  for (const [index, name] of names.entries()) {
    const mistake = (expected: string, mend: string): void => {
      mistakes.push({ path: `teams.${index}.name`, got: show(name), expected, mend });
    };
    if (places.indexOf(teamNamespace(name)) !== index)
      mistake(
        `a name whose namespace ${teamNamespace(name)} no other team has`,
        'rename or remove one of them',
      );
    if (reserved.has(name) || name.startsWith('spark-history-'))
      mistake("a name that isn't the platform's own", 'rename the team');
  }
  const accounts = environment.identity.kind === 'keycloak' ? environment.identity.accounts : [];
  const rotatable = [
    ...credentials,
    ...names.flatMap((name) => teamCredentials.map((role) => `${name}/${role}` as const)),
    ...accounts.map(({ name }) => `${name}/password`),
  ];
  for (const name of Object.keys(environment.generations)) unknown(`generations.${name}`, name, rotatable);
  for (const name of credentials.filter((each) => Object.hasOwn(environment.generations, each)))
    if (!isUsed(environment, name))
      mistakes.push({
        path: `generations.${name}`,
        got: show(environment.generations[name]),
        expected: 'no generation of a credential that this environment has no use for',
        mend: `remove it, or switch ${name.split('/')[0]} on`,
      });
  const volumes = [...dataVolumes, '<namespace of a team>/shared', '<namespace of a team>/homes'];
  for (const name of environment.confirmDataLoss)
    if (!isTeamData(name)) unknown('confirmDataLoss', name, volumes);
  return mistakes;
};

/** Checks an environment and fills in its defaults; throws `EnvironmentError` with every mistake at once. */
export const parseEnvironment = (
  name: string,
  input: unknown,
  file = `environments/${name}.ts`,
): Environment => {
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw new EnvironmentError(file, mistakesOf(parsed.error.issues, input));
  const mistakes = crossChecks(parsed.data);
  if (mistakes.length > 0) throw new EnvironmentError(file, mistakes);
  return { name, ...parsed.data };
};
