import type { App } from 'cdk8s';
import type { Construct } from 'constructs';
import type {
  AlertHandler,
  Endpoint,
  ExposeProps,
  Exposure,
  Observable,
  WebGateway,
} from '../../constructs/contracts/index.ts';
import { type DnsServer, kubeDns, PlinthNamespace } from '../../constructs/kubernetes/index.ts';
import { teamNamespace } from '../spec/teams.ts';
import type { Environment } from '../spec.ts';
import type { ClientAddress } from './model-clients.ts';

/** What the composition of one component may use besides the components it is given. */
export class ComposeContext {
  readonly app: App;
  readonly environment: Environment;
  readonly observed: Observable[] = [];
  readonly alertHandlers: AlertHandler[] = [];
  readonly #namespaces = new Map<string, PlinthNamespace>();
  gateway: WebGateway | undefined;

  constructor(app: App, environment: Environment) {
    this.app = app;
    this.environment = environment;
  }

  get exposures(): readonly Exposure[] {
    return this.gateway?.exposures ?? [];
  }

  /** Gives a component its address, where the environment has a gateway. */
  expose(scope: Construct, props: ExposeProps): ClientAddress {
    const { gateway } = this;
    const { endpoint } = props;
    if (gateway === undefined) return { url: `http://${endpoint.host}:${endpoint.port}`, endpoint };
    return { url: gateway.expose(scope, props).url, endpoint: gateway.entrance };
  }

  /** Those that were asked for so far, by name. */
  get namespaces(): readonly PlinthNamespace[] {
    return [...this.#namespaces.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Made when first asked for, so that a namespace without components isn't there. */
  namespace(name: string): PlinthNamespace {
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known;
    const podSecurity = lowered(this.environment).has(name) ? 'baseline' : 'restricted';
    const made = new PlinthNamespace(this.app, `namespace-${name}`, {
      name,
      podSecurity,
      dns: dnsServer(this.environment),
    });
    this.#namespaces.set(name, made);
    return made;
  }

  /** The API server, as pods reach it after its Service address is translated. */
  get kubernetes(): Endpoint<'kubernetes'> {
    const { cidr, port } = this.environment.kubernetes.api;
    return { kind: 'kubernetes', host: 'kubernetes.default', port, peer: { kind: 'addresses', cidr } };
  }
}

const dnsServer = ({ kubernetes: { dns } }: Environment): DnsServer => {
  if (dns.kind === 'kubeDns') return kubeDns;
  const { port, ...peer } = dns;
  return { peer, port };
};

/** Namespaces of teams whose models Seldon Core serves: the executor that it puts beside them can't be `restricted`. */
const lowered = ({ serving }: Environment): ReadonlySet<string> =>
  new Set(serving.kind === 'seldon' ? serving.models.map(({ team }) => teamNamespace(team)) : []);
