import { makeProbe, type Probe, probeRuns, removeProbe } from './probe.ts';
import { eventually, kubectl } from './support.ts';

jest.setTimeout(10 * 60_000);

// Not ready ever, so that a Service whose labels it carries sends it nothing.
const pod = { readinessGates: [{ conditionType: 'plinth.dev/never' }] };

/** A stranger, and one that carries the labels of MLflow's pods: policies go by namespace and labels. */
const stranger: Probe = { namespace: 'mlflow', name: 'probe-stranger', labels: { probe: 'stranger' }, pod };
const neighbour: Probe = { namespace: 'data', name: 'probe-neighbour', labels: { probe: 'neighbour' }, pod };
const mlflow: Probe = {
  namespace: 'mlflow',
  name: 'probe-mlflow',
  labels: {
    'app.kubernetes.io/name': 'mlflow',
    'app.kubernetes.io/component': 'mlflow',
    'app.kubernetes.io/part-of': 'plinth',
    probe: 'mlflow',
  },
  pod,
};

const connectScript = `
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=4).close()
    print("open")
except OSError as error:
    print("closed" if isinstance(error, (TimeoutError, ConnectionRefusedError)) else repr(error))
`;

/** Asks again while kubectl gives nothing back: a stream may end before its output came through. */
const attempt = ({ namespace, name }: Probe, host: string, port: number): Promise<string> => {
  const command = ['python3', '-c', connectScript, host, String(port)];
  return eventually(
    `${name} tries ${host}:${port}`,
    async () => (await kubectl(['exec', '-n', namespace, name, '--', ...command])).trim(),
    (answer) => answer !== '',
  );
};

const postgres = 'postgres.data.svc.cluster.local';
const store = 'object-store.data.svc.cluster.local';

describe('the network', () => {
  const probes = [stranger, neighbour, mlflow];
  beforeAll(async () => {
    for (const probe of probes) await makeProbe(probe);
    for (const probe of probes) await probeRuns(probe);
  });
  afterAll(async () => {
    for (const probe of probes) await removeProbe(probe);
  });

  test.each([
    [mlflow, postgres, 5432],
    [mlflow, store, 8333],
  ] as const)('opens a declared path: $name to %s:%i', async (probe, host, port) => {
    await eventually(
      'the path is open',
      () => attempt(probe, host, port),
      (answer) => answer === 'open',
      60,
    );
  });

  test.each([
    [stranger, postgres, 5432],
    [stranger, store, 8333],
    [neighbour, postgres, 5432],
    [neighbour, store, 8333],
    [neighbour, 'mlflow.mlflow.svc.cluster.local', 5000],
    [mlflow, 'gateway.gateway.svc.cluster.local', 9100],
  ] as const)('refuses an undeclared one: $name to %s:%i', async (probe, host, port) => {
    expect(await attempt(probe, host, port)).toBe('closed');
  });

  test('keeps the object store’s inner doors shut, to its neighbours too', async () => {
    const address = await kubectl([
      'get',
      'pod',
      '-n',
      'data',
      'object-store-0',
      '-o',
      'jsonpath={.status.podIP}',
    ]);
    for (const port of [9333, 19333, 8080, 18080, 8888, 18888])
      for (const probe of [neighbour, mlflow]) expect(await attempt(probe, address, port)).toBe('closed');
  });
});
