import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { customObject, type Home, type Pods, role } from '../kit/index.ts';
import type { ExtensionFilter } from './routes.ts';

/**
 * Sends a request to another pod where one couldn't be reached, or was lost on the way (502): at once, because the next
 * one is another pod's turn. Larger bodies are streamed, and sent once.
 */
export const again = (scope: Construct, name: string, repeats: readonly Home[]): ExtensionFilter => {
  const { namespace = '' } = Chart.of(scope);
  if (!repeats.some((home) => home.name === namespace))
    throw new Error(`${scope.node.path}: name ${namespace} in repeats, where the gateway is composed`);
  customObject(
    scope,
    `Repeat-${name}`,
    { apiVersion: 'traefik.io/v1alpha1', kind: 'Middleware' },
    {
      metadata: { name },
      spec: {
        retry: {
          // A killed pod fails everything that it had at once: some of those meet it again, and again.
          attempts: 10,
          timeout: '10s',
          status: ['502'],
          retryNonIdempotentMethod: true,
          maxRequestBodyBytes: 256 * 1024,
        },
      },
    },
  );
  return { group: 'traefik.io', kind: 'Middleware', name };
};

/** Traefik's own kinds, all of which it watches where it watches one. */
export const middlewareRights = (
  scope: Construct,
  { name: account, namespace: home }: Pods,
  repeats: readonly Home[],
): readonly Construct[] =>
  repeats.flatMap(({ name: namespace }) =>
    role(scope, `Middleware-${namespace}-`, {
      ...{ name: 'plinth-gateway-middlewares', namespace, account: { name: account, namespace: home } },
      rules: [{ apiGroups: ['traefik.io'], resources: kinds, verbs: ['get', 'list', 'watch'] }],
    }),
  );

const kinds = [
  ...['middlewares', 'middlewaretcps', 'ingressroutes', 'ingressroutetcps', 'ingressrouteudps'],
  ...['serverstransports', 'serverstransporttcps', 'tlsoptions', 'tlsstores', 'traefikservices'],
];
