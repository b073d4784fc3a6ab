import type { WebGateway } from '../../constructs/contracts/index.ts';
import { type CertificateSource, ExistingGateway, TraefikGateway } from '../../constructs/gateway/index.ts';
import { customResourceDefinitions, DefinitionsChart } from '../../constructs/kit/index.ts';
import { generation } from '../spec.ts';
import type { ComposeContext } from './context.ts';

const certificate = ({ environment }: ComposeContext): CertificateSource =>
  environment.tls.kind === 'ownAuthority'
    ? { kind: 'ownAuthority', generation: generation(environment, 'gateway/certificate') }
    : environment.tls;

/** `serves` names the namespaces of everything that will be exposed, `repeats` those with repeatable requests. */
export const composeGateway = (
  context: ComposeContext,
  serves: readonly string[],
  repeats: readonly string[],
): WebGateway | undefined => {
  const { app, environment } = context;
  const { gateway, domain } = environment;
  const homes = (names: readonly string[]) => names.map((name) => context.namespace(name));
  switch (gateway.kind) {
    case 'traefik': {
      const definitions = new DefinitionsChart(app, 'gateway-api');
      customResourceDefinitions(definitions, 'gateway-api');
      if (repeats.length > 0) customResourceDefinitions(definitions, 'traefik');
      const traefik = new TraefikGateway(app, {
        home: context.namespace('gateway'),
        domain,
        serves: homes(serves),
        repeats: homes(repeats),
        kubernetes: context.kubernetes,
        certificate: certificate(context),
        replicas: gateway.replicas,
        reach: gateway.service,
      });
      traefik.node.addDependency(definitions);
      context.observed.push(traefik.observable);
      return traefik;
    }
    case 'existing':
      return new ExistingGateway(app, {
        home: context.namespace('gateway'),
        domain,
        className: gateway.className,
        controllerNamespace: gateway.namespace,
        controllerPort: gateway.port,
        certificate: certificate(context),
        serves: homes(serves),
      });
    case 'off':
      return undefined;
    default:
      return gateway satisfies never;
  }
};
