import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { image } from '../catalogue/index.ts';
import {
  administrators,
  connect,
  derived,
  type Endpoint,
  type Exposure,
  type Issuer,
  type MetricsSource,
  type OidcClient,
  SecretRequest,
  value,
  type WebGateway,
} from '../contracts/index.ts';
import type { ComponentChart } from './chart.ts';
import { HttpService } from './http-service.ts';
import type { Mount } from './pod.ts';
import { Pods } from './pods.ts';

export interface SignInProxyProps {
  /** First label of the address, the client at the issuer, and with `-sign-in` the workload. */
  readonly name: string;
  /** Which component of the platform it belongs to. */
  readonly component: string;
  readonly issuer: Issuer;
  readonly gateway: WebGateway;
  /** What is behind it: nobody else need have a path to it. */
  readonly upstream: Endpoint<'http'>;
  /** Who may come in besides the platform's administrators. */
  readonly groups: readonly string[];
  /** Generation of the client's secret and of what encrypts sessions: a new one signs everybody out. */
  readonly generation: number;
  /**
   * What programs' tokens must carry as `aud`: `Authorization: Bearer` is then taken in place of a session, and teams'
   * credentials get such tokens. Unset: people only.
   */
  readonly audience?: string;
}

const ports = { http: 4180, metrics: 4181 };

/** Groups are asked for again this often; what is withdrawn ends that much, and a token's life, later. */
const refreshMinutes = 1;

/**
 * Signs people in before pages that can't do it themselves, exposed as `https://<name>.<domain>`. What comes from the
 * caller under these names is removed; upstream gets `X-Forwarded-User` (the name) and `X-Forwarded-Groups` (with commas
 * between). Paths below `/api/` answer 401 where pages lead to the issuer, and who belongs to no group gets 403.
 */
export class SignInProxy extends Construct {
  readonly pods: Pods;
  readonly exposure: Exposure;
  readonly metrics: MetricsSource;

  constructor(scope: ComponentChart, id: string, props: SignInProxyProps) {
    super(scope, id);
    const { name, issuer, gateway, upstream, generation, audience } = props;
    this.pods = new Pods(scope, `${id}Pods`, {
      name: `${name}-sign-in`,
      component: props.component,
      userId: 65_532,
    });
    const address = `https://${name}.${gateway.domain}`;
    const client = issuer.client(this.pods, {
      clientId: name,
      generation,
      redirectUris: [`${address}/oauth2/callback`],
    });
    if (audience !== undefined) issuer.verifier(this.pods, audience);
    connect(this.pods, upstream);
    const cookie = new SecretRequest(this, 'Cookie', {
      namespace: this.pods.namespace,
      name: `${name}-sign-in`,
      generation,
      values: {
        cookieSecret: derived({ owner: name, role: 'sign-in', key: 'cookieSecret', generation }),
      },
    });
    this.pods.startAfter(cookie);
    this.pods.rollWith(`${name}-sign-in`, generation);
    const service = new HttpService(this, 'Service', {
      pods: this.pods,
      replicas: 1,
      containers: [
        {
          name: 'oauth2-proxy',
          image: image('oauth2-proxy'),
          command: ['oauth2-proxy', ...flags(props, client, address)],
          env: {
            OAUTH2_PROXY_CLIENT_ID: value(name),
            OAUTH2_PROXY_CLIENT_SECRET: client.secret.env('clientSecret'),
            OAUTH2_PROXY_COOKIE_SECRET: cookie.ref.env('cookieSecret'),
          },
          ports,
          size: { cpu: Cpu.millis(10), memory: Size.mebibytes(32), memoryLimit: Size.mebibytes(128) },
          mounts: authorityMounts(client),
          probe: { kind: 'http', port: ports.http, path: '/ping' },
        },
      ],
    });
    this.metrics = service.metrics('metrics');
    this.exposure = gateway.expose(scope, {
      name,
      endpoint: service.endpoint('http', 'http'),
      health: '/ping',
    });
  }
}

const authorityFolder = '/etc/plinth/issuer';

const authorityMounts = ({ authority }: OidcClient): readonly Mount[] =>
  authority === undefined
    ? []
    : [{ path: authorityFolder, from: { kind: 'secret', secret: authority }, readOnly: true }];

const flags = (props: SignInProxyProps, client: OidcClient, address: string): readonly string[] => [
  '--provider=oidc',
  `--oidc-issuer-url=${client.issuer}`,
  ...(client.authority === undefined ? [] : [`--provider-ca-file=${authorityFolder}/ca.crt`]),
  `--redirect-url=${address}/oauth2/callback`,
  '--scope=openid email profile',
  '--code-challenge-method=S256',
  '--insecure-oidc-skip-nonce=false',
  '--oidc-groups-claim=groups',
  // Everybody has a name, not everybody an address; it is what upstream calls the user.
  '--oidc-email-claim=preferred_username',
  '--prefer-email-to-user=true',
  '--email-domain=*',
  ...[administrators, ...props.groups].map((group) => `--allowed-group=${group}`),
  `--upstream=http://${props.upstream.host}:${props.upstream.port}`,
  `--http-address=0.0.0.0:${ports.http}`,
  `--metrics-address=0.0.0.0:${ports.metrics}`,
  '--pass-basic-auth=false',
  '--api-route=^/api/',
  '--skip-provider-button=true',
  // The browser keeps a cookie of this name to this host and to encrypted connections.
  '--cookie-name=__Host-plinth',
  '--cookie-samesite=lax',
  '--cookie-expire=12h',
  `--cookie-refresh=${refreshMinutes}m`,
  '--silence-ping-logging=true',
  '--request-logging=false',
  ...(props.audience === undefined
    ? []
    : [
        '--skip-jwt-bearer-tokens=true',
        '--bearer-token-login-fallback=false',
        `--oidc-extra-audience=${props.audience}`,
      ]),
];
