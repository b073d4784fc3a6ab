import type { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import {
  administrators,
  type Consumer,
  derived,
  type Endpoint,
  type Issuer,
  type Observable,
  type OidcClient,
  type OidcClientProps,
  type PostgresServer,
  SecretRequest,
  type SecretValue,
  type ServiceClientProps,
  type TeamSpace,
  type TokenVerifier,
  type WebGateway,
} from '../contracts/index.ts';
import { ComponentChart, type Home, Pods, type StatefulService } from '../kit/index.ts';
import { handOverClient, handOverTrust, type IssuerAddress } from './hand-over.ts';
import { type Account, passwordOf, Realm } from './realm.ts';
import { serverService } from './server.ts';
import { syncService } from './sync.ts';

export type { Account } from './realm.ts';

export interface KeycloakIssuerProps {
  readonly home: Home;
  readonly database: PostgresServer;
  readonly gateway: WebGateway;
  /** Names of groups besides the administrators': one for each team. */
  readonly groups: readonly string[];
  /** People whom the environment itself names; others are managed in Keycloak and left alone. */
  readonly accounts: readonly Account[];
  /** How long an access token is valid: what is withdrawn ends that much later. */
  readonly tokenLifetime: Duration;
  /** Generations of its database login and of the administrator that reconciles the realm. */
  readonly generations: { readonly database: number; readonly administrator: number };
}

const name = 'id';
const realmName = 'plinth';

/** What administrators of the platform may do in Keycloak: put people into teams, and look at the rest. */
const administratorRoles = ['manage-users', 'query-groups', 'query-users', 'view-realm', 'view-users'];

/**
 * The platform's own Keycloak under `https://id.<domain>`, and identity-sync, which keeps its realm as everything in
 * this tree asks for. Consumers start after the realm has their client.
 */
export class KeycloakIssuer extends ComponentChart implements Issuer, Observable {
  readonly url: string;
  readonly endpoint: Endpoint<'https'>;
  readonly metrics: Observable['metrics'];
  readonly #realm: Realm;
  readonly #address: IssuerAddress;
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #syncPods: Pods;
  readonly #sync: StatefulService;

  constructor(scope: Construct, props: KeycloakIssuerProps) {
    super(scope, 'identity', { home: props.home });
    const { gateway, accounts, groups } = props;
    const host = `${name}.${gateway.domain}`;
    const { authority } = gateway;
    this.url = `https://${host}/realms/${realmName}`;
    this.endpoint = { ...gateway.entrance, host };
    this.#address = { url: this.url, endpoint: this.endpoint, source: 'plinth', authority };
    this.#accounts = new Map(accounts.map((account) => [account.name, account]));
    this.#realm = new Realm({
      name: realmName,
      tokenSeconds: props.tokenLifetime.toSeconds(),
      mailDomain: gateway.domain,
    });
    this.#declare(groups, accounts);
    const administrator = this.#administrator(props.generations.administrator);
    const server = this.#server(props, administrator);
    const endpoint = server.endpoint('http', 'http');
    gateway.expose(this, {
      name,
      endpoint,
      health: `/realms/${realmName}/.well-known/openid-configuration`,
    });
    this.#syncPods = this.#syncPodsOf(props);
    this.#syncPods.startAfter(server.statefulSet);
    this.#sync = syncService(this, {
      pods: this.#syncPods,
      keycloak: endpoint,
      administrator: administrator.ref,
      declaration: this.#declaration(),
    });
    this.metrics = [server.metrics('management'), this.#sync.metrics('http')];
  }

  client(consumer: Consumer, props: OidcClientProps): OidcClient {
    const { clientId, generation, redirectUris, roles = {}, audiences = [] } = props;
    this.#realm.addClient({
      id: clientId,
      kind: 'browser',
      redirectUris: [...redirectUris].sort(),
      roles: Object.keys(roles).sort(),
      groups: [],
      audiences,
      generation,
    });
    for (const [role, groups] of Object.entries(roles))
      for (const group of groups) this.#realm.addRoles(group, clientId, [role]);
    return this.#handOver(consumer, clientId, generation);
  }

  teamClient(team: TeamSpace & Consumer, generation: number): OidcClient {
    return this.serviceClient(team, { clientId: team.namespace, groups: [team.group], generation });
  }

  serviceClient(consumer: Consumer, { clientId, groups, generation }: ServiceClientProps): OidcClient {
    this.#realm.addClient({
      id: clientId,
      kind: 'machine',
      redirectUris: [],
      roles: [],
      groups: [...groups].sort(),
      generation,
    });
    return this.#handOver(consumer, clientId, generation);
  }

  verifier(consumer: Consumer, audience: string): TokenVerifier {
    this.#realm.addAudience(audience);
    consumer.startAfter(this.#sync);
    return { ...handOverTrust(consumer, this.#address), audience, groupsClaim: 'groups' };
  }

  /** What a person of the environment signs in with, for the lab to tell. */
  loginOf(account: string): { readonly username: SecretValue; readonly password: SecretValue } {
    const found = this.#accounts.get(account);
    if (found === undefined)
      throw new Error(`no account ${account}; there are ${[...this.#accounts.keys()].join(', ')}`);
    return { username: { kind: 'text', text: account }, password: passwordOf(account, found.generation) };
  }

  #handOver(consumer: Consumer, clientId: string, generation: number): OidcClient {
    // It rolls, and is ready again when the realm has the client: what starts after it finds the client there.
    this.#syncPods.rollWith(`client-${clientId}`, generation);
    consumer.startAfter(this.#sync);
    return handOverClient(consumer, clientId, generation, this.#address);
  }

  #declare(groups: readonly string[], accounts: readonly Account[]): void {
    for (const group of [administrators, ...groups]) this.#realm.addGroup(group);
    this.#realm.addRoles(administrators, 'realm-management', administratorRoles);
    for (const account of accounts) this.#realm.addAccount(account);
    // For people at a command line: the code comes back to their own machine, or is typed on another device.
    this.#realm.addClient({
      id: 'plinth-cli',
      kind: 'device',
      redirectUris: ['http://127.0.0.1/*', 'http://localhost/*'],
      roles: [],
      groups: [],
    });
  }

  #server(
    { database, generations }: KeycloakIssuerProps,
    administrator: SecretRequest<'clientSecret' | 'clientSecretBefore'>,
  ): StatefulService {
    const pods = new Pods(this, 'Pods', {
      name: 'keycloak',
      component: 'identity',
      userId: 65_532,
      graceSeconds: 60,
    });
    const login = database.grantOwner(pods, { database: 'identity', generation: generations.database });
    pods.startAfter(administrator);
    return serverService(this, {
      pods,
      database: login,
      tls: database.tls,
      administrator: administrator.ref,
      url: `https://${this.endpoint.host}`,
    });
  }

  #syncPodsOf({ accounts, groups }: KeycloakIssuerProps): Pods {
    const pods = new Pods(this, 'SyncPods', {
      name: 'identity-sync',
      component: 'identity',
      userId: 65_532,
    });
    for (const account of accounts) pods.rollWith(`account-${account.name}`, account.generation);
    for (const group of groups) pods.rollWith(`group-${group}`, 1);
    return pods;
  }

  #administrator(generation: number): SecretRequest<'clientSecret' | 'clientSecretBefore'> {
    const secret = (which: number): SecretValue =>
      derived({ owner: 'identity', role: 'administrator', key: 'clientSecret', generation: which });
    return new SecretRequest(this, 'Administrator', {
      namespace: this.home.name,
      name: 'identity-administrator',
      generation,
      // With the one before identity-sync can still sign in, and then sets the present one.
      values: { clientSecret: secret(generation), clientSecretBefore: secret(Math.max(1, generation - 1)) },
    });
  }

  #declaration(): SecretRequest<'realm.json'> {
    const realm = this.#realm;
    return new SecretRequest(this, 'Declaration', {
      namespace: this.home.name,
      name: 'identity-realm',
      values: {
        // Read when the tree is rendered, after everybody has asked.
        get 'realm.json'() {
          return realm.declaration;
        },
      },
    });
  }
}
