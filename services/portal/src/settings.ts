import { z } from 'zod';

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);
const address = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/$/, ''));

const environment = z.object({
  HOST: z.string().default('0.0.0.0'),
  PORT: port(8080),
  ADMIN_PORT: port(9090),
  PUBLIC_URL: address,
  PLATFORM_FILE: z.string().min(1),
  SESSION_KEY: z.string().min(32),
  OIDC_ISSUER: address,
  OIDC_CLIENT_ID: z.string().min(1),
  OIDC_CLIENT_SECRET: z.string().min(1),
  OIDC_GROUPS_CLAIM: z.string().min(1).default('groups'),
  ADMIN_GROUP: z.string().min(1).default('platform-admins'),
  HUB_URL: address.optional(),
  HUB_TOKEN: z.string().min(16).optional(),
  MLFLOW_URL: address.optional(),
  AIRFLOW_URL: address.optional(),
  PROMOTER_URL: address.optional(),
  METRICS_URL: address.optional(),
  PROMETHEUS_URL: address.optional(),
  KUBERNETES_URL: address.default('https://kubernetes.default.svc'),
  SERVICE_ACCOUNT_FOLDER: z.string().min(1).default('/var/run/secrets/kubernetes.io/serviceaccount'),
  UPSTREAM_MILLISECONDS: z.coerce.number().int().min(100).max(30_000).default(2000),
});

/** What the process is told by its environment; service.json says what each is for. */
export type Settings = z.infer<typeof environment>;

/** Names every mistake at once, with the variable and never with its value. An empty variable counts as unset. */
export const readSettings = (variables: NodeJS.ProcessEnv): Settings => {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`environment of portal:\n  ${mistakes.join('\n  ')}`);
};
