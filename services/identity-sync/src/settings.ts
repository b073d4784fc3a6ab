import { z } from 'zod';

const count = (fallback: number, least = 1) => z.coerce.number().int().min(least).default(fallback);

const environment = z.object({
  HOST: z.string().default('0.0.0.0'),
  PORT: count(9090, 0),
  REALM_FILE: z.string().min(1),
  KEYCLOAK_URL: z.url({ protocol: /^https?$/ }),
  ADMIN_CLIENT_ID: z.string().min(1),
  ADMIN_CLIENT_SECRET: z.string().min(1),
  ADMIN_CLIENT_SECRET_BEFORE: z.string().min(1).optional(),
  INTERVAL_SECONDS: count(60),
  RETRY_SECONDS: count(5),
});

/** What the process is told by its environment; service.json says what each is for. */
export type Settings = z.infer<typeof environment>;

/** Names every mistake at once, with the variable and never with its value. An empty variable counts as unset. */
export const readSettings = (variables: NodeJS.ProcessEnv): Settings => {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`environment of identity-sync:\n  ${mistakes.join('\n  ')}`);
};
