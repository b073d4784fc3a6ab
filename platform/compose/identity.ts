import { Duration } from 'cdk8s';
import type { Issuer, OidcClient, PostgresServer, SecretValue } from '../../constructs/contracts/index.ts';
import { ExternalIssuer, KeycloakIssuer } from '../../constructs/identity/index.ts';
import type { Team } from '../../constructs/kubernetes/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';

type Logins = Readonly<Record<string, Readonly<Record<string, SecretValue>>>>;

/** The issuer that everybody signs in at, and what the environment's own accounts sign in with. */
export interface Identity {
  readonly issuer: Issuer;
  readonly logins: Logins;
  /** Each team's own credentials. */
  readonly clients: ReadonlyMap<Team, OidcClient>;
}

/** By `id-<account>`; the first one's also under `id`, the name of the address. */
const loginsOf = (keycloak: KeycloakIssuer, accounts: readonly { readonly name: string }[]): Logins => {
  const logins = accounts.map(({ name }) => [name, keycloak.loginOf(name)] as const);
  const [first] = logins;
  return {
    ...(first === undefined ? {} : { id: first[1] }),
    ...Object.fromEntries(logins.map(([name, login]) => [`id-${name}`, login])),
  };
};

const makeIdentity = (
  context: ComposeContext,
  database: PostgresServer | undefined,
  teams: readonly Team[],
): Omit<Identity, 'clients'> | undefined => {
  const { app, environment, gateway } = context;
  const { identity } = environment;
  switch (identity.kind) {
    case 'keycloak': {
      // Without either the environment was refused.
      if (database === undefined || gateway === undefined) return undefined;
      const keycloak = new KeycloakIssuer(app, {
        home: context.namespace('identity'),
        database,
        gateway,
        groups: teams.map(({ group }) => group),
        accounts: identity.accounts.map((account) => ({
          ...account,
          generation: generation(environment, `${account.name}/password`),
        })),
        tokenLifetime: Duration.seconds(identity.tokenSeconds),
        generations: {
          database: generation(environment, 'identity/database'),
          administrator: generation(environment, 'identity/administrator'),
        },
      });
      context.observed.push(keycloak);
      return { issuer: keycloak, logins: loginsOf(keycloak, identity.accounts) };
    }
    case 'external':
      return { issuer: new ExternalIssuer({ url: identity.issuer, cidr: identity.cidr }), logins: {} };
    case 'off':
      return undefined;
    default:
      return identity satisfies never;
  }
};

/** Every team gets credentials of its own at the issuer: Secret `<namespace>-oidc` in its namespace. */
export const composeIdentity = (
  context: ComposeContext,
  database: PostgresServer | undefined,
  teams: readonly Team[],
): Identity | undefined => {
  const identity = makeIdentity(context, database, teams);
  if (identity === undefined) return undefined;
  const clients = teams.map((team) => {
    const generationOf = generation(context.environment, `${team.name}/token`);
    return [team, identity.issuer.teamClient(team, generationOf)] as const;
  });
  return { ...identity, clients: new Map(clients) };
};
