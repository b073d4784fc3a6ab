import { z } from 'zod';

/** Not what libpq takes beside it, `host=... user=...`: nothing here reads that. */
export const database = z.url({
  protocol: /^postgres(ql)?$/,
  error: 'expected postgresql://user:password@host:port/database',
});
const count = (fallback: number, least = 1) => z.coerce.number().int().min(least).default(fallback);

const buckets = z
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
  RECORDS_PORT: count(8081, 0),
  ADMIN_PORT: count(9090, 0),
  DATABASE_URL: database,
  TEAM_BUCKETS: buckets,
  AWS_ENDPOINT_URL_S3: z.url({ protocol: /^https?$/ }),
  AWS_DEFAULT_REGION: z.string().min(1),
  AWS_ACCESS_KEY_ID: z.string().min(1),
  AWS_SECRET_ACCESS_KEY: z.string().min(1),
  KEY_PREFIX: z
    .string()
    .regex(/^([\w.-]+\/)*$/)
    .default('plinth/'),
  OIDC_ISSUER: z.url({ protocol: /^https?$/ }),
  OIDC_AUDIENCE: z.string().min(1),
  OIDC_GROUPS_CLAIM: z.string().min(1).default('groups'),
  MAX_BATCH_BYTES: count(16 * 1024 * 1024),
  MAX_BODY_BYTES: count(256 * 1024),
  MAX_BACKLOG_BYTES: count(256 * 1024 * 1024),
  FILE_ROWS: count(5000),
  FILE_BYTES: count(16 * 1024 * 1024),
  FILE_SECONDS: count(60),
  WINDOW_ROWS: count(500, 100),
  STALE_MINUTES: count(60),
  STEP_MS: count(5000),
  RETENTION_DAYS: count(30),
  SHUTDOWN_SECONDS: count(20),
});

/** What the process is told by its environment; service.json says what each is for. */
export type Settings = z.infer<typeof environment>;

/** Names every mistake at once, with the variable. An empty variable counts as unset. */
export const readSettings = (variables: NodeJS.ProcessEnv): Settings => {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const found = environment.safeParse(given);
  if (found.success) return found.data;
  const mistakes = found.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`environment of the prediction log:\n  ${mistakes.join('\n  ')}`);
};
