import {
  type Consumer,
  connect,
  derived,
  type Endpoint,
  type OidcClient,
  type OidcKey,
  SecretRef,
  SecretRequest,
  type SecretSource,
  type SecretValue,
  text,
} from '../contracts/index.ts';

/** What every consumer of one issuer is told. */
export interface IssuerAddress {
  readonly url: string;
  readonly endpoint: Endpoint<'https'>;
  readonly source: SecretSource;
  /** Of the issuer's certificate, where consumers must be given it. */
  readonly authority?: SecretValue;
}

export const clientSecret = (clientId: string, generation: number): SecretValue =>
  derived({ owner: clientId, role: 'oidc', key: 'clientSecret', generation });

const authorityRef = (consumer: Consumer, name: string, authority: SecretValue | undefined) =>
  authority === undefined ? {} : { authority: new SecretRef(consumer.namespace, name, ['ca.crt'] as const) };

/** Opens the path and names the client's secret in the consumer's own namespace: `<clientId>-oidc`. */
export const handOverClient = (
  consumer: Consumer,
  clientId: string,
  generation: number,
  issuer: IssuerAddress,
): OidcClient => {
  const { url, endpoint, source, authority } = issuer;
  connect(consumer, endpoint);
  const name = `${clientId}-oidc`;
  const request = new SecretRequest<OidcKey>(consumer.scope, name, {
    namespace: consumer.namespace,
    name,
    generation,
    source,
    values: {
      clientId: text(clientId),
      clientSecret: clientSecret(clientId, generation),
      issuer: text(url),
      ...(authority === undefined ? {} : { 'ca.crt': authority }),
    },
  });
  consumer.startAfter(request);
  consumer.rollWith(name, generation);
  return { issuer: url, clientId, secret: request.ref, ...authorityRef(consumer, name, authority) };
};

/** Opens the path for who only checks tokens; Secret `<consumer>-issuer` holds the authority, where there is one. */
export const handOverTrust = (consumer: Consumer, issuer: IssuerAddress) => {
  const { url, endpoint, authority } = issuer;
  connect(consumer, endpoint);
  if (authority === undefined) return { issuer: url };
  const name = `${consumer.name}-issuer`;
  const values = { 'ca.crt': authority };
  const request = new SecretRequest(consumer.scope, name, { namespace: consumer.namespace, name, values });
  consumer.startAfter(request);
  return { issuer: url, authority: request.ref };
};
