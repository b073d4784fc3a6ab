import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import type { ExposeProps, Exposure, Peer } from '../contracts/index.ts';
import { customObject, type Home } from '../kit/index.ts';

export const gatewayApi = 'gateway.networking.k8s.io/v1';
export const gatewayName = 'gateway';

/** An object beside the route that says what its gateway does with the requests. */
export interface ExtensionFilter {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

export interface RoutesProps {
  /** Where the Gateway object is. */
  readonly home: Home;
  readonly domain: string;
  readonly serves: readonly Home[];
}

/** What both gateways share: a route per component and the path to it. */
export class Routes {
  readonly exposures: Exposure[] = [];
  readonly #props: RoutesProps;
  readonly #open: (props: ExposeProps) => void;
  readonly #filtersOf: (scope: Construct, props: ExposeProps) => readonly ExtensionFilter[];

  /**
   * `open` lets the gateway's own pods reach an endpoint; `filtersOf` makes what the gateway's kind does with its
   * requests on the way.
   */
  constructor(
    props: RoutesProps,
    open: (props: ExposeProps) => void,
    filtersOf: (scope: Construct, props: ExposeProps) => readonly ExtensionFilter[] = () => [],
  ) {
    this.#props = props;
    this.#open = open;
    this.#filtersOf = filtersOf;
  }

  /** Throws where the gateway would not take the route. */
  expose(scope: Construct, props: ExposeProps): Exposure {
    const { name, endpoint, health } = props;
    const { domain } = this.#props;
    const host = props.root === true ? domain : `${name}.${domain}`;
    const { namespace = '' } = Chart.of(scope);
    const served = this.#props.serves.map((home) => home.name);
    if (!served.includes(namespace))
      throw new Error(
        `${scope.node.path}: the gateway serves no route of namespace ${namespace}, only of ${served.join(', ')}; ` +
          'add it where the gateway is composed',
      );
    const [service = ''] = endpoint.host.split('.');
    const extensions = this.#filtersOf(scope, props).map((extensionRef) => ({
      type: 'ExtensionRef' as const,
      extensionRef,
    }));
    customObject(
      scope,
      `Route-${name}`,
      { apiVersion: gatewayApi, kind: 'HTTPRoute' },
      {
        metadata: { name },
        spec: {
          parentRefs: [{ name: gatewayName, namespace: this.#props.home.name }],
          hostnames: [host],
          rules: [
            {
              backendRefs: [{ name: service, port: endpoint.port }],
              ...(extensions.length > 0 && { filters: extensions }),
            },
          ],
        },
      },
    );
    this.#open(props);
    const exposure = { name, url: `https://${host}`, health, workload: { namespace, name: service } };
    this.exposures.push(exposure);
    return exposure;
  }
}

/** Lets pods that aren't Plinth's, known by their namespace, reach an endpoint. */
export const openTo = (peer: Peer, { endpoint }: ExposeProps): void => {
  endpoint.serverConnections?.allowFrom(peer, endpoint.port);
};
