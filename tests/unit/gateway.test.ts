import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import type { Manifest } from '../../platform/synthesis/index.ts';

type Service = NonNullable<Extract<NonNullable<EnvironmentInput['gateway']>, { kind: 'traefik' }>['service']>;

/** What is behind the addresses of an environment whose Traefik has such a Service. */
const gateway = (service?: Service) => {
  const environment = parseEnvironment('gateway', {
    domain: 'ml.example.com',
    kubernetes: { api: { cidr: '10.0.0.1/32' } },
    gateway: { kind: 'traefik', ...(service === undefined ? {} : { service }) },
  });
  const chart = compose(environment).app.charts.find(({ node }) => node.id === 'gateway');
  const all = (chart?.toJson() ?? []) as Manifest[];
  const find = (wanted: string) => all.find(({ kind }) => kind === wanted);
  const deployment = find('Deployment') as Manifest & {
    readonly spec: {
      readonly template: {
        readonly spec: { readonly containers: readonly { readonly command: string[] }[] };
      };
    };
  };
  const [traefik] = deployment.spec.template.spec.containers;
  return { service: find('Service'), options: traefik?.command.join(' ') ?? '' };
};

test("Traefik is within the cluster's own reach unless the environment says more", () => {
  const { service, options } = gateway();
  expect(service?.['spec']).not.toHaveProperty('type');
  expect(options).not.toContain('statusAddress');
});

test('behind a load balancer, its address is that of the Gateway', () => {
  const annotations = { 'balancer.example.com/scheme': 'internal' };
  const { service, options } = gateway({ kind: 'loadBalancer', annotations });
  expect(service).toMatchObject({ metadata: { annotations }, spec: { type: 'LoadBalancer' } });
  expect(options).toContain(
    `statusAddress.service.namespace=gateway --providers.kubernetesGateway.statusAddress.service.name=${service?.metadata.name}`,
  );
});
