import { z } from 'zod';

const count = (fallback: number, least = 1) => z.coerce.number().int().min(least).default(fallback);

const teams = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' });
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string().min(1), z.string().min(1)));

const environment = z.object({
  HOST: z.string().default('0.0.0.0'),
  PORT: count(8080, 0),
  ADMIN_PORT: count(9090, 0),
  ROUTES_FOLDER: z.string().min(1),
  ROUTES_POLL_MS: count(5000),
  ROUTES_CONFIG_MAP: z.string().min(1).optional(),
  TEAM_ROUTES: teams.optional(),
  TEAM_ROUTES_CONFIG_MAP: z.string().min(1).default('model-routes'),
  KUBERNETES_API: z.url({ protocol: /^https?$/ }).default('https://kubernetes.default.svc'),
  SERVICE_ACCOUNT_FOLDER: z.string().min(1).default('/var/run/secrets/kubernetes.io/serviceaccount'),
  OIDC_ISSUER: z.url({ protocol: /^https?$/ }),
  OIDC_AUDIENCE: z.string().min(1),
  OIDC_GROUPS_CLAIM: z.string().min(1).default('groups'),
  TEAM_GROUP_PREFIX: z.string().default(''),
  CLOCK_SKEW_SECONDS: count(30, 0),
  MAX_REQUEST_BYTES: count(16 * 1024 * 1024),
  MAX_BUFFERED_BYTES: count(128 * 1024 * 1024),
  MAX_MIRRORS: count(8),
  MAX_OUTLIER_CHECKS: count(8),
  LOG_SINK_URL: z.url({ protocol: /^https?$/ }).optional(),
  LOG_MAX_BYTES: count(32 * 1024 * 1024),
  LOG_BATCH_RECORDS: count(200),
  LOG_BATCH_BYTES: count(4 * 1024 * 1024),
  LOG_INTERVAL_MS: count(2000),
  SHUTDOWN_SECONDS: count(25),
});

/** What the process is told by its environment; service.json says what each is for. */
export type Settings = z.infer<typeof environment>;

/** Names every mistake at once, with the variable. An empty variable counts as unset. */
export const readSettings = (variables: NodeJS.ProcessEnv): Settings => {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const found = environment.safeParse(given);
  if (found.success) return found.data;
  const mistakes = found.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`environment of the inference gateway:\n  ${mistakes.join('\n  ')}`);
};
