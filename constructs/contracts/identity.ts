import type { Consumer } from './consumer.ts';
import type { Endpoint } from './endpoint.ts';
import type { SecretRef } from './secret.ts';
import type { TeamSpace } from './team.ts';

/** What a client of the issuer gets, in its own namespace. */
export type OidcKey = 'clientId' | 'clientSecret' | 'issuer';

export interface OidcClientProps {
  /** Unique at the issuer, e.g. `mlflow`. */
  readonly clientId: string;
  /** Generation of its secret, from 1 on. */
  readonly generation: number;
  /** Where a browser may be sent back to after signing in, exactly. */
  readonly redirectUris: readonly string[];
  /** Roles that the client knows, each with the groups that have it; tokens list them in the claim `roles`. */
  readonly roles?: Readonly<Record<string, readonly string[]>>;
  /** What access tokens of people carry as `aud` besides, where the client asks others in their name. */
  readonly audiences?: readonly string[];
}

export interface ServiceClientProps {
  /** Unique at the issuer. */
  readonly clientId: string;
  readonly generation: number;
  readonly groups: readonly string[];
}

/** What whoever speaks to the issuer must know of it. */
export interface IssuerTrust {
  /** Exactly what tokens carry as `iss`. */
  readonly issuer: string;
  /** Certificate of the authority behind the issuer's address; absent where it is one that everybody trusts. */
  readonly authority?: SecretRef<'ca.crt'>;
}

export interface OidcClient extends IssuerTrust {
  readonly clientId: string;
  readonly secret: SecretRef<OidcKey>;
}

/** What a service that checks tokens itself needs. */
export interface TokenVerifier extends IssuerTrust {
  /** What a token must carry as `aud`. */
  readonly audience: string;
  /** The claim that lists the groups of whoever has the token: names of teams, and `platform-admins`. */
  readonly groupsClaim: string;
}

/** Members may administer the platform; every other group is a team's. */
export const administrators = 'platform-admins';

/** An OpenID Connect issuer, the platform's own or somebody else's. Its address is the same inside and outside. */
export interface Issuer {
  readonly url: string;
  readonly endpoint: Endpoint<'https'>;
  /** A confidential client that signs people in: its path is opened and its secret is in the consumer's namespace. */
  client(consumer: Consumer, props: OidcClientProps): OidcClient;
  /** Credentials with which what a team runs gets tokens for itself, by the client credentials grant. */
  teamClient(team: TeamSpace & Consumer, generation: number): OidcClient;
  /** Credentials with which a service of the platform's own gets tokens for itself, as a member of these groups. */
  serviceClient(consumer: Consumer, props: ServiceClientProps): OidcClient;
  /** Opens the path to the issuer's keys; tokens of teams carry this audience from then on. */
  verifier(consumer: Consumer, audience: string): TokenVerifier;
}
