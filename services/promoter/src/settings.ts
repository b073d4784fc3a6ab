import { z } from 'zod';

/** Not what libpq takes beside it, `host=... user=...`: nothing here reads that. */
export const database = z.url({
  protocol: /^postgres(ql)?$/,
  error: 'expected postgresql://user:password@host:port/database',
});
const count = (fallback: number, least = 1) => z.coerce.number().int().min(least).default(fallback);
const address = z.url({ protocol: /^https?$/ });

const variables = z.object({
  HOST: z.string().default('0.0.0.0'),
  PORT: count(8080, 0),
  ADMIN_PORT: count(9090, 0),
  DATABASE_URL: database,
  POLICIES_FILE: z.string().min(1),
  MLFLOW_URL: address,
  ALIAS: z.string().min(1).default('champion'),
  WEBHOOK_URL: address.optional(),
  WEBHOOK_SECRET: z.string().min(16),
  OIDC_ISSUER: address,
  OIDC_CLIENT_ID: z.string().min(1),
  OIDC_CLIENT_SECRET: z.string().min(1),
  OIDC_AUDIENCE: z.string().min(1),
  OIDC_GROUPS_CLAIM: z.string().min(1).default('groups'),
  ADMIN_GROUP: z.string().min(1).default('platform-admins'),
  PROMETHEUS_URL: address,
  TEMPLATES_CONFIG_MAP: z.string().min(1).default('models'),
  TEMPLATES_KEY: z.string().min(1).default('predictors.json'),
  ROUTES_NAMESPACE: z.string().min(1),
  ROUTES_CONFIG_MAP: z.string().min(1).default('inference-routes'),
  KUBERNETES_API: address.default('https://kubernetes.default.svc'),
  SERVICE_ACCOUNT_FOLDER: z.string().min(1).default('/var/run/secrets/kubernetes.io/serviceaccount'),
  PREDICTOR_PORT: count(8080),
  RECONCILE_SECONDS: count(60),
  TICK_SECONDS: count(3),
  AIRFLOW_URL: address.optional(),
  ALERT_TOKEN: z.string().min(16).optional(),
  RETRAIN_PERIOD_SECONDS: count(6 * 3600),
});

const environment = variables.refine(
  ({ AIRFLOW_URL, ALERT_TOKEN }) => AIRFLOW_URL === undefined || ALERT_TOKEN !== undefined,
  // Said beside other mistakes too.
  { path: ['ALERT_TOKEN'], error: 'is needed where AIRFLOW_URL is set', when: () => true },
);

/** What the process is told by its environment; service.json says what each is for. */
export type Settings = z.infer<typeof environment>;

/** Names every mistake at once, with the variable and never with its value. An empty variable counts as unset. */
export const readSettings = (variables: NodeJS.ProcessEnv): Settings => {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`environment of promoter:\n  ${mistakes.join('\n  ')}`);
};
