import { type EnvSource, SecretRequest, type SecretValue } from '../contracts/index.ts';
import type { ComponentChart, Pods } from '../kit/index.ts';

/** A program of the platform's own that asks the hub's API: what it may do, in JupyterHub's words, and its token. */
export interface HubService {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly token: SecretValue;
  /** Of the token. */
  readonly generation: number;
}

/** As files/jupyterhub_config.py looks for it. */
const variableOf = (name: string): string => `SERVICE_TOKEN_${name.toUpperCase().replaceAll('-', '_')}`;

/** The hub's own copy of each token, by the variable that it reads. */
export const serviceTokens = (
  chart: ComponentChart,
  hub: Pods,
  services: readonly HubService[],
): Readonly<Record<string, EnvSource>> =>
  Object.fromEntries(
    services.map(({ name, token, generation }) => {
      const secret = `jupyterhub-service-${name}`;
      const request = new SecretRequest(chart, `Service-${name}`, {
        ...{ namespace: hub.namespace, name: secret, generation, values: { token } },
      });
      hub.startAfter(request);
      hub.rollWith(secret, generation);
      return [variableOf(name), request.ref.env('token')];
    }),
  );
