import type { Construct } from 'constructs';
import type { Endpoint, ExposeProps, Exposure, SecretValue, WebGateway } from '../contracts/index.ts';
import { ComponentChart, type Home } from '../kit/index.ts';
import { authorityOf, type CertificateSource, listener } from './listener.ts';
import { openTo, Routes } from './routes.ts';

export interface ExistingGatewayProps {
  readonly home: Home;
  readonly domain: string;
  /** A GatewayClass of the cluster. */
  readonly className: string;
  /** Where that class's pods run: they may reach what is exposed. */
  readonly controllerNamespace: string;
  /** Where those pods take encrypted connections. */
  readonly controllerPort: number;
  readonly certificate: CertificateSource;
  /** Namespaces whose routes may attach. */
  readonly serves: readonly Home[];
}

/** A Gateway served by a controller that the cluster has already, with its definitions. */
export class ExistingGateway extends ComponentChart implements WebGateway {
  readonly domain: string;
  readonly entrance: Endpoint<'https'>;
  readonly authority: SecretValue | undefined;
  readonly #routes: Routes;

  constructor(scope: Construct, props: ExistingGatewayProps) {
    super(scope, 'gateway', { home: props.home });
    this.domain = props.domain;
    const { className, domain, certificate, serves } = props;
    listener(this, { namespace: props.home.name, className, domain, port: 443, certificate, serves });
    const controller = { kind: 'namespace', namespace: props.controllerNamespace } as const;
    this.entrance = { kind: 'https', host: domain, port: props.controllerPort, peer: controller };
    this.authority = authorityOf(certificate, domain);
    this.#routes = new Routes(props, (exposed) => openTo(controller, exposed));
  }

  get exposures(): readonly Exposure[] {
    return this.#routes.exposures;
  }

  expose(scope: Construct, props: ExposeProps): Exposure {
    return this.#routes.expose(scope, props);
  }
}
