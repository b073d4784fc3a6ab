import { App, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import { image } from '../../constructs/catalogue/index.ts';
import type { WebGateway } from '../../constructs/contracts/index.ts';
import { ExistingGateway } from '../../constructs/gateway/index.ts';
import { ExternalIssuer } from '../../constructs/identity/index.ts';
import {
  ComponentChart,
  HttpService,
  Pods,
  SignInProxy,
  type SignInProxyProps,
} from '../../constructs/kit/index.ts';
import { PlinthNamespace } from '../../constructs/kubernetes/index.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly egress: readonly { readonly ports: readonly { readonly port: number }[] }[];
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly command: readonly string[] }[] };
    };
  };
}

const build = (more: Partial<SignInProxyProps> = {}) => {
  const app = new App();
  const namespace = (name: string) => new PlinthNamespace(app, `namespace-${name}`, { name });
  const home = namespace('pages');
  const chart = new ComponentChart(app, 'pages', { home });
  const gateway: WebGateway = new ExistingGateway(app, {
    home: namespace('gateway'),
    domain: 'ml.example.com',
    className: 'shared',
    controllerNamespace: 'ingress',
    controllerPort: 443,
    certificate: { kind: 'secret', name: 'tls' },
    serves: [home],
  });
  const pods = new Pods(chart, 'Pods', { name: 'pages', component: 'pages' });
  const size = { cpu: Cpu.millis(10), memory: Size.mebibytes(32) };
  const service = new HttpService(chart, 'Service', {
    pods,
    replicas: 1,
    containers: [{ name: 'pages', image: image('node'), ports: { http: 8000 }, size }],
  });
  const proxy = new SignInProxy(chart, 'SignIn', {
    name: 'history',
    component: 'pages',
    issuer: new ExternalIssuer({ url: 'https://sso.example.com/realms/ml', cidr: '10.3.0.0/28' }),
    gateway,
    upstream: service.endpoint('http', 'http'),
    groups: ['team-a'],
    generation: 1,
    ...more,
  });
  const manifests = chart.toJson() as Manifest[];
  const of = (kind: string, name: string): Manifest => {
    const found = manifests.find((each) => each.kind === kind && each.metadata.name === name);
    if (found === undefined) throw new Error(`no ${kind} ${name}`);
    return found;
  };
  return { proxy, gateway, of };
};

const flagsOf = (built: ReturnType<typeof build>): readonly string[] =>
  built.of('Deployment', 'history-sign-in').spec.template.spec.containers[0]?.command ?? [];

describe('a sign-in before pages', () => {
  const built = build();

  test('is what the address leads to, and reaches the pages and the issuer only', () => {
    expect(built.gateway.exposures).toEqual([
      {
        ...{ name: 'history', url: 'https://history.ml.example.com', health: '/ping' },
        workload: { namespace: 'pages', name: 'history-sign-in' },
      },
    ]);
    const ports = built.of('NetworkPolicy', 'history-sign-in').spec.egress.flatMap((rule) => rule.ports);
    expect(ports.map(({ port }) => port).sort()).toEqual([443, 8000]);
  });

  test('lets in the groups that it was given and administrators, nobody else', () => {
    expect(flagsOf(built).filter((flag) => flag.startsWith('--allowed-group'))).toEqual([
      '--allowed-group=platform-admins',
      '--allowed-group=team-a',
    ]);
  });

  test('asks the issuer again at least every five minutes', () => {
    const refresh = flagsOf(built).find((flag) => flag.startsWith('--cookie-refresh='));
    expect(Number(/=(\d+)m$/.exec(refresh ?? '')?.[1])).toBeLessThanOrEqual(5);
  });

  test('takes tokens of programs only where it was told what they must be for', () => {
    expect(flagsOf(built).join(' ')).not.toContain('bearer');
    const flags = flagsOf(build({ audience: 'history' }));
    expect(flags).toContain('--oidc-extra-audience=history');
    expect(flags).toContain('--bearer-token-login-fallback=false');
  });

  test('passes on no header that a caller made up', () => {
    expect(flagsOf(built).join(' ')).not.toMatch(
      /skip-auth-(route|regex|strip-headers)|reverse-proxy|trusted-ip/,
    );
  });
});
