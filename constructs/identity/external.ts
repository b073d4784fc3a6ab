import type {
  Consumer,
  Endpoint,
  Issuer,
  OidcClient,
  OidcClientProps,
  ServiceClientProps,
  TeamSpace,
  TokenVerifier,
} from '../contracts/index.ts';
import { handOverClient, handOverTrust, type IssuerAddress } from './hand-over.ts';

export interface ExternalIssuerProps {
  /** `https://...`, exactly as tokens carry it. */
  readonly url: string;
  /** Where the issuer's addresses lie, for the network policies. */
  readonly cidr: string;
}

/**
 * Somebody else's issuer. Whoever runs it makes the clients and groups, and puts each client's credentials into the
 * Secret that the README names.
 */
export class ExternalIssuer implements Issuer {
  readonly url: string;
  readonly endpoint: Endpoint<'https'>;
  readonly #address: IssuerAddress;

  constructor({ url, cidr }: ExternalIssuerProps) {
    const { hostname, port } = new URL(url);
    this.url = url;
    this.endpoint = {
      kind: 'https',
      host: hostname,
      port: port === '' ? 443 : Number(port),
      peer: { kind: 'addresses', cidr },
    };
    this.#address = { url, endpoint: this.endpoint, source: 'preCreated' };
  }

  client(consumer: Consumer, { clientId, generation }: OidcClientProps): OidcClient {
    return handOverClient(consumer, clientId, generation, this.#address);
  }

  teamClient(team: TeamSpace & Consumer, generation: number): OidcClient {
    return handOverClient(team, team.namespace, generation, this.#address);
  }

  serviceClient(consumer: Consumer, { clientId, generation }: ServiceClientProps): OidcClient {
    return handOverClient(consumer, clientId, generation, this.#address);
  }

  verifier(consumer: Consumer, audience: string): TokenVerifier {
    return { ...handOverTrust(consumer, this.#address), audience, groupsClaim: 'groups' };
  }
}
