import { z } from 'zod';

const name = z.string().min(1).max(200);
const names = z.array(name);

const group = z.strictObject({
  name,
  /** Roles that its members have, by client; of clients that are Keycloak's own too. */
  clientRoles: z.record(name, names),
});

const client = z.strictObject({
  id: name,
  /** `browser` signs people in, `machine` is its own user, `device` is a command line without a secret. */
  kind: z.enum(['browser', 'machine', 'device']),
  redirectUris: z.array(z.string()),
  /** Roles that the client knows; tokens list those of their owner in the claim `roles`. */
  roles: names,
  /** Groups of a `machine` client's own user. */
  groups: names,
  /** What its tokens carry as `aud`, besides what Keycloak adds. */
  audiences: names,
  secret: z.string().min(16).optional(),
});

const account = z.strictObject({
  name,
  email: z.string().min(3),
  groups: names,
  password: z.string().min(12),
});

const realm = z.strictObject({
  realm: name,
  /** How long an access token is valid, in seconds. */
  tokenSeconds: z.int().min(30).max(3600),
  groups: z.array(group),
  clients: z.array(client),
  accounts: z.array(account),
});

/** A realm as it is to be. Whatever is in it and wasn't made from such a file is left alone. */
export type RealmState = z.infer<typeof realm>;
export type GroupState = z.infer<typeof group>;
export type ClientState = z.infer<typeof client>;
export type AccountState = z.infer<typeof account>;

/** A file that can't be read as a realm. Its message never holds what the file holds: that is secret. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

/** Parses a file. Throws `StateError` with every mistake, by its place and without its value. */
export const parseState = (text: string): RealmState => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new StateError('is not JSON');
  }
  const parsed = realm.safeParse(json);
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || '(whole file)'}: ${issue.code}`,
  );
  throw new StateError(places.join('; '));
};
