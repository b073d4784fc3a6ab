import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootControlPlane, type EphemeralCluster } from '../../lab/kubernetes/ephemeral.ts';
import { RunError, run } from '../../lab/support/exec.ts';
import { compose } from '../../platform/compose.ts';
import { parseEnvironment } from '../../platform/spec.ts';
import { type Manifest, synthesize } from '../../platform/synthesis/index.ts';
import { seldonEnvironment } from '../support/seldon.ts';

/** What Plinth emits for Seldon Core, before a real API server: its images can't be had here, so nothing runs. */
const folder = mkdtempSync(join(tmpdir(), 'plinth-seldon-'));
const objects = synthesize(compose(parseEnvironment('seldon', seldonEnvironment)).app)
  .flatMap((chart) => chart.objects)
  .map(({ manifest }) => manifest);
// The first answers of a cold API server on a busy machine.
jest.setTimeout(120_000);

let cluster: EphemeralCluster;

const kubectl = (args: readonly string[], input?: readonly object[]): Promise<string> =>
  run([join(cluster.programs, 'kubectl'), '--kubeconfig', cluster.kubeconfig, ...args], {
    timeoutMs: 120_000,
    ...(input === undefined
      ? {}
      : { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: input }) }),
  });
const apply = (input: readonly object[], ...more: readonly string[]): Promise<string> =>
  kubectl(['apply', '--server-side', '--field-manager=plinth', ...more, '-f', '-'], input);
const ofKind = (kind: string): readonly Manifest[] => objects.filter((each) => each.kind === kind);
const definitions = ofKind('CustomResourceDefinition').filter(({ metadata }) =>
  metadata.name.endsWith('.machinelearning.seldon.io'),
);
const deployments = ofKind('SeldonDeployment');

beforeAll(async () => {
  cluster = await bootControlPlane({ folder: join(folder, 'cluster') });
  await apply([...ofKind('Namespace'), ...definitions]);
  await kubectl([
    ...['wait', '--for=condition=Established', '--timeout=60s'],
    'crd/seldondeployments.machinelearning.seldon.io',
  ]);
}, 600_000);
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

test('the API server has a schema of every field of Seldon itself', async () => {
  const condition =
    'jsonpath={.status.conditions[?(@.type=="NonStructuralSchema")].status}{.status.conditions[?(@.type=="Established")].status}';
  const found = await kubectl(['get', 'crd', 'seldondeployments.machinelearning.seldon.io', '-o', condition]);
  expect(found).toBe('True');
});

test('takes the operator, its rights, its webhook and its configuration', async () => {
  const own = objects.filter(
    ({ kind, metadata }) =>
      kind !== 'Namespace' &&
      (metadata.namespace === 'seldon' || /^(plinth-seldon|seldon-)/.test(metadata.name)) &&
      kind !== 'CustomResourceDefinition',
  );
  expect(own.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['ClusterRole', 'Deployment', 'Service', 'ValidatingWebhookConfiguration']),
  );
  const printed = await apply(own, '--dry-run=server');
  expect(printed.trim().split('\n')).toHaveLength(own.length);
});

test('takes a SeldonDeployment and keeps every field of it', async () => {
  expect(deployments).toHaveLength(1);
  await apply(deployments);
  const kept = JSON.parse(await kubectl(['get', 'sdep', '-n', 'team-a', 'delays', '-o', 'json'])) as Manifest;
  expect(kept['spec']).toEqual(JSON.parse(JSON.stringify(deployments[0]?.['spec'])));
});

test.each([
  ['traffic as text', { traffic: '100' }, /traffic/],
  ['a field that there is none of', { trafic: 100 }, /trafic/],
  ['a node of no known type', { graph: { name: 'model', type: 'PREDICTOR' } }, /type/],
])('refuses %s, which the operator would choke on', async (_, change, message) => {
  const [deployment] = deployments;
  const spec = deployment?.['spec'] as { predictors: readonly object[] };
  const wrong = { ...deployment, spec: { ...spec, predictors: [{ ...spec.predictors[0], ...change }] } };
  const refused = await apply([wrong], '--dry-run=server', '--validate=strict').catch((error) => error);
  expect(refused).toBeInstanceOf(RunError);
  expect(String(refused)).toMatch(message);
});
