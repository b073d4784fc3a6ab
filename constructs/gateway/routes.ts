import type { Construct } from 'constructs';
import type { ExposeProps, Exposure, Peer } from '../contracts/index.ts';
import { customObject } from '../kit/index.ts';

export const gatewayApi = 'gateway.networking.k8s.io/v1';
export const gatewayName = 'gateway';

/** What both gateways share: a route per component and the path to it. */
export class Routes {
  readonly exposures: Exposure[] = [];
  readonly #gatewayNamespace: string;
  readonly #domain: string;
  readonly #open: (props: ExposeProps) => void;

  /** `open` lets the gateway's own pods reach an endpoint. */
  constructor(gatewayNamespace: string, domain: string, open: (props: ExposeProps) => void) {
    this.#gatewayNamespace = gatewayNamespace;
    this.#domain = domain;
    this.#open = open;
  }

  expose(scope: Construct, props: ExposeProps): Exposure {
    const { name, endpoint, health } = props;
    const host = `${name}.${this.#domain}`;
    const [service = ''] = endpoint.host.split('.');
    customObject(
      scope,
      `Route-${name}`,
      { apiVersion: gatewayApi, kind: 'HTTPRoute' },
      {
        metadata: { name },
        spec: {
          parentRefs: [{ name: gatewayName, namespace: this.#gatewayNamespace }],
          hostnames: [host],
          rules: [{ backendRefs: [{ name: service, port: endpoint.port }] }],
        },
      },
    );
    this.#open(props);
    const exposure = { name, url: `https://${host}`, health };
    this.exposures.push(exposure);
    return exposure;
  }
}

/** Lets pods that aren't Plinth's, known by their namespace, reach an endpoint. */
export const openTo = (peer: Peer, { endpoint }: ExposeProps): void => {
  endpoint.serverConnections?.allowFrom(peer, endpoint.port);
};
