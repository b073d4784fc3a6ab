import { ApiObject } from 'cdk8s';
import { SecretRequest } from '../../constructs/contracts/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly env: readonly { readonly name: string; readonly value?: string }[];
          readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
        }[];
      };
    };
  };
}

const composed = (authoritySecret: string | undefined) => {
  const external = { host: 'pg.example.com', cidr: '10.1.0.0/28', administratorSecret: 'admin' };
  const input: EnvironmentInput = {
    domain: 'ml.example.com',
    kubernetes: { api: { cidr: '10.0.0.1/32' } },
    identity: { kind: 'keycloak' },
    postgres: {
      kind: 'external',
      ...external,
      ...(authoritySecret === undefined ? {} : { authoritySecret }),
    },
  };
  const { app } = compose(parseEnvironment('tried', input));
  const objects = app.node.findAll().filter((construct) => ApiObject.isApiObject(construct));
  const workloads = objects
    .filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind))
    .map((object) => object.toJson() as Workload);
  const containers = (name: RegExp) =>
    workloads
      .filter(({ metadata }) => name.test(metadata.name))
      .flatMap(({ spec }) => spec.template.spec.containers);
  const addresses = app.node
    .findAll()
    .filter(SecretRequest.isSecretRequest)
    .flatMap(({ request }) => ('url' in request.values ? [JSON.stringify(request.values['url'])] : []));
  return { containers, addresses };
};
const consumers = /^(mlflow|keycloak|postgres-provision)/;

test("with its authority's Secret, whom a connection leads to is checked by every consumer", () => {
  const { containers, addresses } = composed('pg-authority');
  expect(containers(consumers).length).toBeGreaterThanOrEqual(5);
  for (const { volumeMounts } of containers(consumers))
    expect(volumeMounts).toContainEqual({
      name: 'pg-authority',
      mountPath: '/run/postgres-authority',
      readOnly: true,
    });
  const said = '?sslmode=verify-full&sslrootcert=/run/postgres-authority/ca.crt';
  expect(addresses.length).toBeGreaterThan(1);
  for (const address of addresses) expect(address).toContain(said);
  const [keycloak] = containers(/^keycloak/);
  expect(keycloak?.env).toContainEqual({ name: 'KC_DB_URL_PROPERTIES', value: said });
  const [provision] = containers(/^postgres-provision/);
  expect(provision?.env).toContainEqual({ name: 'PGSSLMODE', value: 'verify-full' });
});

test('without it connections are encrypted, and nothing is mounted', () => {
  const { containers, addresses } = composed(undefined);
  for (const address of addresses) expect(address).toMatch(/\?sslmode=require"/);
  const mounts = containers(consumers).flatMap(({ volumeMounts }) => volumeMounts);
  expect(mounts.map(({ mountPath }) => mountPath)).not.toContain('/run/postgres-authority');
});
