import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { KubernetesApi } from './cluster/api.ts';
import { KubernetesCluster } from './cluster/kubernetes.ts';
import { parsePolicies } from './domain/policy.ts';
import { PrometheusMeter } from './measure.ts';
import { Promoter } from './promoter.ts';
import { MlflowRegistry } from './registry/mlflow.ts';
import { TokenSource } from './registry/token.ts';
import { Airflow } from './retrain/airflow.ts';
import { readSettings } from './settings.ts';
import { Database } from './store/database.ts';
import { Tokens } from './web/tokens.ts';

const logger = pino({ name: 'promoter', base: null });
try {
  const settings = readSettings(process.env);
  const policies = parsePolicies(await readFile(settings.POLICIES_FILE, 'utf8'));
  const broke = (error: Error): void =>
    logger.warn({ reason: error.message }, 'a connection to the database broke');
  const own = new TokenSource({
    issuer: settings.OIDC_ISSUER,
    clientId: settings.OIDC_CLIENT_ID,
    clientSecret: settings.OIDC_CLIENT_SECRET,
  });
  const registry = new MlflowRegistry({
    url: settings.MLFLOW_URL,
    alias: settings.ALIAS,
    tokens: own,
    webhook: { url: settings.WEBHOOK_URL, secret: settings.WEBHOOK_SECRET },
  });
  const promoter = new Promoter({
    settings,
    logger,
    policies,
    database: new Database(settings.DATABASE_URL, broke),
    registry,
    ...(settings.AIRFLOW_URL !== undefined && {
      retraining: {
        pipelines: new Airflow({ url: settings.AIRFLOW_URL, tokens: own }),
        tags: (team, model) => registry.tags(team, model),
      },
    }),
    cluster: new KubernetesCluster({
      api: new KubernetesApi({ api: settings.KUBERNETES_API, account: settings.SERVICE_ACCOUNT_FOLDER }),
      policies,
      templates: { name: settings.TEMPLATES_CONFIG_MAP, key: settings.TEMPLATES_KEY },
      routes: { namespace: settings.ROUTES_NAMESPACE, name: settings.ROUTES_CONFIG_MAP },
      port: settings.PREDICTOR_PORT,
      freshMs: settings.RECONCILE_SECONDS * 500,
    }),
    meter: new PrometheusMeter(settings.PROMETHEUS_URL, (error) =>
      logger.warn({ reason: error instanceof Error ? error.message : String(error) }, 'nothing measured'),
    ),
    tokens: new Tokens({
      issuer: settings.OIDC_ISSUER,
      audience: settings.OIDC_AUDIENCE,
      groupsClaim: settings.OIDC_GROUPS_CLAIM,
    }),
  });
  await promoter.start();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      void promoter.stop().then(() => logger.info('stopped'));
    });
} catch (error) {
  logger.fatal(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
