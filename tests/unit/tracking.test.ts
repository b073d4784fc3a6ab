import { App } from 'cdk8s';
import { SecretRequest, type TrackingServer } from '../../constructs/contracts/index.ts';
import { PlinthNamespace, Team } from '../../constructs/kubernetes/index.ts';
import { MlflowClients } from '../../constructs/mlflow/index.ts';
import { environments } from '../../environments/index.ts';
import { compose } from '../../platform/compose.ts';
import { type EnvironmentInput, parseEnvironment } from '../../platform/spec.ts';
import { unsigned } from '../support/monitoring.ts';

const compositionOf = (change: Partial<EnvironmentInput> = {}) =>
  compose(parseEnvironment('local', { ...environments['local'], ...change }));

interface Container {
  readonly resources?: object;
  readonly command?: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

const containerOf = (change: Partial<EnvironmentInput> = {}): Container => {
  const all = compositionOf(change).app.charts.flatMap((chart) => chart.toJson());
  const found = all.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'mlflow');
  return found.spec.template.spec.containers[0] as Container;
};

const secretsOf = (change: Partial<EnvironmentInput>) =>
  compositionOf(change)
    .app.node.findAll()
    .filter(SecretRequest.isSecretRequest)
    .map(({ request: { namespace, name } }) => `${namespace}/${name}`);

test('MLflow asks who somebody is where the environment has an issuer, and keeps teams apart by workspaces', () => {
  const { command = [], env } = containerOf();
  expect(command).toContain('--app-name=plinth');
  expect(env).toEqual(
    expect.arrayContaining([
      { name: 'MLFLOW_ENABLE_WORKSPACES', value: 'true' },
      { name: 'PLINTH_TEAMS', value: 'team-a team-b' },
      { name: 'PLINTH_URL', value: 'https://mlflow.plinth.localhost' },
    ]),
  );
});

test('without an issuer nobody is asked, and the database stays one with workspaces', () => {
  const { command = [], env } = containerOf(unsigned);
  expect(command.filter((each) => each.startsWith('--app-name'))).toEqual([]);
  expect(env).toContainEqual({ name: 'MLFLOW_ENABLE_WORKSPACES', value: 'true' });
  expect(env.map(({ name }) => name).filter((name) => name.startsWith('PLINTH_OIDC'))).toEqual([]);
});

test('each worker adds its memory to what a server asks for and to its limit', () => {
  const memory = (workers: number) => containerOf({ mlflow: { kind: 'on', workers } }).resources;
  expect(memory(2)).toMatchObject({ requests: { memory: '768Mi' }, limits: { memory: '1536Mi' } });
  expect(memory(16)).toMatchObject({ requests: { memory: '4268Mi' }, limits: { memory: '5036Mi' } });
});

test("every team's namespace has the authority to trust", () => {
  expect(secretsOf({})).toEqual(
    expect.arrayContaining(['team-a/mlflow-client', 'team-b/mlflow-client', 'mlflow/mlflow-keys']),
  );
});

test('a team named like the workspace that everybody reads is a mistake', () => {
  expect(() => parseEnvironment('local', { ...environments['local'], teams: [{ name: 'default' }] })).toThrow(
    /a name that isn't the platform's own/,
  );
});

test('a team without gateway and issuer is a client at the Service, in its workspace', () => {
  const app = new App();
  const home = new PlinthNamespace(app, 'namespace-team-a', { name: 'team-a' });
  const team = new Team(app, {
    name: 'team-a',
    home,
    limits: { cpu: 1, memoryGiB: 1, storageGiB: 1, pods: 1 },
  });
  const clients: TrackingServer = new MlflowClients({
    server: {
      kind: 'http',
      host: 'mlflow.mlflow.svc.cluster.local',
      port: 5000,
      peer: { kind: 'namespace', namespace: 'mlflow' },
    },
    pods: team,
  });
  const client = clients.grantClient(team);
  expect(client).toEqual({
    url: 'http://mlflow.mlflow.svc.cluster.local:5000',
    env: {
      MLFLOW_TRACKING_URI: { kind: 'value', value: 'http://mlflow.mlflow.svc.cluster.local:5000' },
      MLFLOW_DISABLE_TELEMETRY: { kind: 'value', value: 'true' },
      MLFLOW_WORKSPACE: { kind: 'value', value: 'team-a' },
    },
    folders: [],
  });
  expect(clients.grantClient(team)).toBe(client);
  expect(team.connections.egress).toEqual([
    { peer: { kind: 'namespace', namespace: 'mlflow' }, ports: [5000] },
  ]);
});
