import type { Construct } from 'constructs';
import { derivedCertificate, SecretRequest, type SecretValue, text } from '../contracts/index.ts';
import { customObject, type Home } from '../kit/index.ts';
import { gatewayApi, gatewayName } from './routes.ts';

/** Where the gateway's certificate comes from. */
export type CertificateSource =
  | { readonly kind: 'ownAuthority'; readonly generation: number }
  | { readonly kind: 'secret'; readonly name: string }
  | { readonly kind: 'certManager'; readonly clusterIssuer: string };

export interface ListenerProps {
  readonly namespace: string;
  readonly className: string;
  readonly domain: string;
  readonly port: number;
  readonly certificate: CertificateSource;
  /** Namespaces whose routes may attach: nobody else's, or whoever may make a route could take a host. */
  readonly serves: readonly Home[];
}

const ownSecret = 'gateway-certificate';

const namesOf = (domain: string): readonly string[] => [domain, `*.${domain}`];

const ownPart = (
  domain: string,
  generation: number,
  part: 'certificate' | 'privateKey' | 'authority',
): SecretValue =>
  derivedCertificate(
    { owner: 'gateway', role: 'certificate', key: 'tls', generation },
    namesOf(domain),
    part,
  );

/** The certificate of the environment's own authority; unset where somebody else signs. */
export const authorityOf = (certificate: CertificateSource, domain: string): SecretValue | undefined =>
  certificate.kind === 'ownAuthority' ? ownPart(domain, certificate.generation, 'authority') : undefined;

/** The Secret with the certificate of the domain and all hosts under it. */
const certificateSecret = (scope: Construct, props: ListenerProps): string => {
  const { certificate, namespace, domain } = props;
  switch (certificate.kind) {
    case 'ownAuthority': {
      const part = (which: 'certificate' | 'privateKey' | 'authority') =>
        ownPart(domain, certificate.generation, which);
      new SecretRequest(scope, 'Certificate', {
        namespace,
        name: ownSecret,
        type: 'kubernetes.io/tls',
        generation: certificate.generation,
        values: {
          'tls.crt': part('certificate'),
          'tls.key': part('privateKey'),
          'ca.crt': part('authority'),
        },
      });
      return ownSecret;
    }
    case 'secret':
      new SecretRequest(scope, 'Certificate', {
        namespace,
        name: certificate.name,
        type: 'kubernetes.io/tls',
        source: 'preCreated',
        values: { 'tls.crt': text(''), 'tls.key': text('') },
      });
      return certificate.name;
    case 'certManager':
      customObject(
        scope,
        'Certificate',
        { apiVersion: 'cert-manager.io/v1', kind: 'Certificate' },
        {
          metadata: { name: ownSecret },
          spec: {
            secretName: ownSecret,
            dnsNames: [...namesOf(domain)],
            issuerRef: { kind: 'ClusterIssuer', name: certificate.clusterIssuer },
          },
        },
      );
      return ownSecret;
    default:
      return certificate satisfies never;
  }
};

/** One encrypted listener for every host of the domain. */
export const listener = (scope: Construct, props: ListenerProps): void => {
  const secret = certificateSecret(scope, props);
  const terminate = { mode: 'Terminate' as const, certificateRefs: [{ name: secret }] };
  // A label that the API server itself puts on every namespace: nobody can give it to another one.
  const key = 'kubernetes.io/metadata.name';
  const values = [...new Set([props.namespace, ...props.serves.map((home) => home.name)])].sort();
  const selector = { matchExpressions: [{ key, operator: 'In' as const, values }] };
  const listen = (name: string, hostname: string) => ({
    name,
    hostname,
    port: props.port,
    protocol: 'HTTPS',
    tls: terminate,
    allowedRoutes: { namespaces: { from: 'Selector' as const, selector } },
  });
  customObject(
    scope,
    'Gateway',
    { apiVersion: gatewayApi, kind: 'Gateway' },
    {
      metadata: { name: gatewayName },
      spec: {
        gatewayClassName: props.className,
        listeners: [listen('root', props.domain), listen('hosts', `*.${props.domain}`)],
      },
    },
  );
};
