import type { Construct } from 'constructs';
import type { Endpoint } from './endpoint.ts';
import type { SecretValue } from './secret.ts';

export interface ExposeProps {
  /** First label of the address, and the component's name wherever people look it up. */
  readonly name: string;
  /** At the domain itself, in place of a name below it. */
  readonly root?: true;
  readonly endpoint: Endpoint<'http' | 's3'>;
  /** Path that answers 2xx to anybody when all is well. */
  readonly health: string;
  /**
   * Requests have no effects, so one whose answer is lost with the pod that had it may be sent to another. A gateway of
   * the cluster's own does that if it is set up so.
   */
  readonly repeatable?: true;
}

/** An address that people and programs outside the cluster open. */
export interface Exposure {
  readonly name: string;
  /** `https://<name>.<domain>`, or `https://<domain>` */
  readonly url: string;
  readonly health: string;
  /** What answers there. */
  readonly workload: { readonly namespace: string; readonly name: string };
}

/** The way in from outside: one host name per component, encrypted. */
export interface WebGateway {
  readonly domain: string;
  readonly exposures: readonly Exposure[];
  /** Where pods arrive that open an exposed address: the gateway's own pods. `host` is the domain. */
  readonly entrance: Endpoint<'https'>;
  /** Certificate of the authority that signed the gateway's, where it isn't one that everybody trusts. */
  readonly authority?: SecretValue;
  /** The route belongs to the namespace of `scope`, which must be one that the gateway serves. */
  expose(scope: Construct, props: ExposeProps): Exposure;
}
